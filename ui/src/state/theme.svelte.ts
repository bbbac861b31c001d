/** Canvas cannot read custom properties by itself: this counts theme changes so that it redraws. */
export const theme: { turn: number } = $state({ turn: 0 });

export function followTheme(): () => void {
  const query = matchMedia('(prefers-color-scheme: dark)');
  const turned = () => (theme.turn += 1);
  query.addEventListener('change', turned);
  return () => query.removeEventListener('change', turned);
}

export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
