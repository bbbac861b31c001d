//! Golden values are those of SciPy 1.17.1: `stats.norm.ppf`, `stats.t.ppf`, `special.betainc`, `stats.beta.ppf`.

use super::*;

const SCIPY_NORM_PPF: &[(f64, f64)] = &[
    (0.5, 0.0),
    (0.6, 0.2533471031357997),
    (0.9, 1.2815515655446004),
    (0.95, 1.6448536269514722),
    (0.975, 1.959963984540054),
    (0.995, 2.5758293035489004),
    (0.999999, 4.753424308817087),
    (1e-3, -3.090232306167813),
    (1e-10, -6.361340902404056),
    (1e-20, -9.262340089798409),
    (1e-300, -37.0470962993612),
];

const SCIPY_T_PPF: &[(f64, f64, f64)] = &[
    (0.6, 1.0, 0.32491969623290634),
    (0.6, 3.0, 0.2766706623326898),
    (0.6, 499.0, 0.2534822201710674),
    (0.95, 2.0, 2.9199855803537242),
    (0.95, 30.0, 1.697260886593957),
    (0.95, 499.0, 1.6479129840597124),
    (0.975, 1.0, 12.706204736174694),
    (0.975, 10.0, 2.228138851986274),
    (0.975, 49.0, 2.0095752371292392),
    (0.975, 99.5, 1.9840936109906238),
    (0.975, 10_000.0, 1.960201239890626),
    (0.975, 1_000_000.0, 1.959966356814107),
    (0.995, 3.0, 5.840909309733355),
    (0.9999, 1.0, 3183.098757118502),
    (0.9999, 2.0, 70.70007107496818),
    (0.9999, 30.0, 4.23398595727206),
    (0.025, 49.0, -2.0095752371292397),
];

const SCIPY_BETAINC: &[(f64, f64, f64, f64)] = &[
    (0.5, 0.5, 0.3, 0.36901011956554536),
    (2.0, 3.0, 0.4, 0.5248),
    (50.0, 2.0, 0.95, 0.2693074134684962),
    (300.0, 700.0, 0.31, 0.7564186827315443),
    (1.0, 1.0, 0.2, 0.2),
    (0.5, 200.0, 0.001, 0.4727558929747644),
];

const SCIPY_BETA_PPF: &[(f64, f64, f64, f64)] = &[
    (0.025, 3.0, 98.0, 0.006229971538306395),
    (0.975, 4.0, 97.0, 0.08517605297428002),
    (0.025, 50.0, 51.0, 0.39832112950330095),
    (0.5, 1.0, 1.0, 0.5),
    (0.05, 500.0, 1.0, 0.9940264484836504),
];

fn assert_close(got: f64, want: f64, of: &str) {
    assert!((got - want).abs() <= 1e-8 * want.abs().max(1.0), "{of}: {got} is not {want}");
}

#[test]
fn normal_quantiles() {
    for (p, want) in SCIPY_NORM_PPF {
        assert_close(normal_quantile(*p), *want, &format!("normal {p}"));
    }
    assert_eq!(normal_quantile(0.0), f64::NEG_INFINITY);
    assert_eq!(normal_quantile(1.0), f64::INFINITY);
}

#[test]
fn student_t_quantiles() {
    for (p, df, want) in SCIPY_T_PPF {
        assert_close(student_t_quantile(*p, *df), *want, &format!("t {p} {df}"));
    }
    assert_eq!(student_t_quantile(0.5, 7.0), 0.0);
    assert_eq!(student_t_quantile(0.975, 1e12), normal_quantile(0.975));
}

#[test]
fn incomplete_beta_and_its_inverse() {
    for (a, b, x, want) in SCIPY_BETAINC {
        assert_close(incomplete_beta(*a, *b, *x), *want, &format!("I {a} {b} {x}"));
    }
    for (p, a, b, want) in SCIPY_BETA_PPF {
        assert_close(beta_quantile(*p, *a, *b), *want, &format!("beta {p} {a} {b}"));
    }
}
