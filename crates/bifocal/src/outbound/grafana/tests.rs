use std::net::SocketAddr;

use axum::Router;
use axum::http::StatusCode as Status;
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use bifocal_telemetry::TaskGroup;

use super::*;

const TOKEN: &str = "glsa_secret";

async fn serve(tasks: &TaskGroup, router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tasks.spawn("Grafana", async move { axum::serve(listener, router).await.unwrap() });
    address
}

/// What looking says when every call is answered so.
async fn looking(answer: impl Fn() -> Response + Clone + Send + Sync + 'static) -> UserError {
    let tasks = TaskGroup::new();
    let address = serve(&tasks, Router::new().fallback(any(move || std::future::ready(answer())))).await;
    let server = GrafanaServer::new(&format!("http://{address}/grafana"), TOKEN.into()).unwrap();
    server.look(&[]).await.unwrap_err()
}

#[tokio::test]
async fn each_refusal_has_a_code_and_none_shows_the_token() {
    for (status, code) in [
        (401, Code::GrafanaToken),
        (403, Code::GrafanaPermission),
        (404, Code::GrafanaMissing),
        (409, Code::GrafanaConflict),
        (412, Code::GrafanaConflict),
        (500, Code::GrafanaRefused),
        (302, Code::GrafanaAddress),
    ] {
        let answer = move || {
            let said = format!(r#"{{"message":"no, {TOKEN} is\nnothing"}}"#);
            (Status::from_u16(status).unwrap(), said).into_response()
        };
        let error = looking(answer).await;
        assert_eq!(error.code, code, "{error}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(TOKEN) && error.hint.is_some(), "{shown}");
    }
    let error = looking(|| "<html>a login page</html>".into_response()).await;
    assert_eq!(error.code, Code::GrafanaMissing);
}

#[tokio::test]
async fn no_listener_and_no_answer_are_told_apart() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = |millis| {
        GrafanaServer::with_timeout(&format!("http://{address}"), TOKEN.into(), Duration::from_millis(millis))
            .unwrap()
    };
    let error = server(300).look(&[]).await.unwrap_err();
    assert_eq!(error.code, Code::GrafanaUnreachable);
    assert!(error.message.contains("no answer within 0.3 s"), "{error}");
    drop(listener);
    let error = server(5_000).look(&[]).await.unwrap_err();
    assert!(error.message.contains("cannot be connected to"), "{error}");
}

#[test]
fn addresses_that_cannot_be_used_are_refused_without_their_secrets() {
    for bad in
        ["grafana.example", "ftp://h/", "https://admin:hunter2@h/", "https://h/?token=hunter2", "http://"]
    {
        let error = GrafanaServer::new(bad, TOKEN.into()).unwrap_err();
        assert_eq!(error.code, Code::GrafanaAddress, "{bad}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    let server = |address: &str| GrafanaServer::new(address, TOKEN.into()).unwrap();
    assert!(server("http://grafana.example").is_in_the_clear());
    for fine in
        ["https://grafana.example", "http://127.0.0.1:3000", "http://localhost:3000", "http://[::1]:3000"]
    {
        assert!(!server(fine).is_in_the_clear(), "{fine}");
    }
    assert!(!format!("{:?}", server("https://h")).contains(TOKEN));
}

/// limit grafana_bytes: a longer answer is refused.
#[tokio::test]
async fn an_answer_is_read_to_the_limit() {
    let error = looking(|| vec![b' '; GRAFANA_BYTES + 1].into_response()).await;
    assert_eq!(error.code, Code::GrafanaRefused);
    assert!(error.message.contains("longer than"), "{error}");
}

/// limit grafana_dashboards: with as many, some may be missing from the list, and nothing is done.
#[tokio::test]
async fn so_many_dashboards_are_looked_at_and_no_more() {
    let tasks = TaskGroup::new();
    let many: Vec<Value> = (0..GRAFANA_DASHBOARDS).map(|i| json!({"uid": format!("x{i}")})).collect();
    let many = Value::Array(many).to_string();
    let router = Router::new()
        .route("/api/frontend/settings", any(|| std::future::ready("{}")))
        .route("/api/search", any(move || std::future::ready(many.clone())));
    let address = serve(&tasks, router).await;
    let server = GrafanaServer::new(&format!("http://{address}"), TOKEN.into()).unwrap();
    let error = server.look(&[]).await.unwrap_err();
    assert_eq!(error.code, Code::GrafanaConflict, "{error}");
}
