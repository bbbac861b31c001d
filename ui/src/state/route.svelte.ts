/** Where we are, kept in the hash so that every view has an address. */
export const RANGES = {
  '1h': { label: '1 h', seconds: 3600, step: 60 },
  '6h': { label: '6 h', seconds: 6 * 3600, step: 180 },
  '24h': { label: '24 h', seconds: 24 * 3600, step: 600 },
  '7d': { label: '7 d', seconds: 7 * 24 * 3600, step: 3600 },
} as const;

export type RangeName = keyof typeof RANGES;
export type PageName = 'fleet' | 'targets' | 'inferences' | 'alerts' | 'ledger';

export interface Route {
  page: PageName;
  id: string | null;
  query: Record<string, string>;
}

const PAGES: readonly string[] = ['fleet', 'targets', 'inferences', 'alerts', 'ledger'];

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

export function parse(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [page = '', ...rest] = path.split('/');
  const id = rest.length && rest.join('/') ? decode(rest.join('/')) : null;
  const known = PAGES.includes(page) && !(page === 'targets' && id === null);
  return {
    page: known ? (page as PageName) : 'fleet',
    id: known ? id : null,
    query: Object.fromEntries(new URLSearchParams(search)),
  };
}

/** The address of a view. The range travels along; other filters belong to their page. */
export function href(page: PageName, id: string | null = null, query: Record<string, string | null> = {}): string {
  const kept: Record<string, string | null> = { range: route.query['range'] ?? null, ...query };
  const pairs = Object.entries(kept).filter((pair): pair is [string, string] => !!pair[1]);
  const search = new URLSearchParams(pairs).toString();
  return `#/${page}${id === null ? '' : `/${encodeURIComponent(id)}`}${search ? `?${search}` : ''}`;
}

export const route: Route = $state(parse(typeof location === 'undefined' ? '' : location.hash));

export function follow(): () => void {
  const read = () => Object.assign(route, parse(location.hash));
  read();
  addEventListener('hashchange', read);
  return () => removeEventListener('hashchange', read);
}

export function range(): RangeName {
  const name = route.query['range'] ?? '6h';
  return Object.hasOwn(RANGES, name) ? (name as RangeName) : '6h';
}
