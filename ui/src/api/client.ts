/** The only place that talks to the network. Every failure becomes one `ApiError`. */
import type { NewLabel } from './people';
import type { ErrorBody } from './types';

/** Relative, so that the page works behind a path prefix. */
const BASE = 'api/v1';

export class ApiError extends Error {
  constructor(
    message: string,
    readonly code: string | null = null,
    readonly hint: string | null = null,
    readonly status: number | null = null,
  ) {
    super(message);
  }

  /** The server asks for a token, or for another one. */
  get needsToken(): boolean {
    return this.status === 401;
  }

  /** The server did not answer at all, or a proxy answered for it. */
  get unreachable(): boolean {
    return this.status === null || this.status >= 502;
  }
}

export type Query = Record<string, string | number | null | undefined>;

/** A path below the base with its query; empty values are left out. */
export function address(path: string[], query: Query = {}): string {
  const joined = path.map(encodeURIComponent).join('/');
  const pairs = Object.entries(query).filter(
    (pair): pair is [string, string | number] => pair[1] !== null && pair[1] !== undefined && pair[1] !== '',
  );
  const search = new URLSearchParams(pairs.map(([key, value]) => [key, String(value)])).toString();
  return search ? `${joined}?${search}` : joined;
}

async function failure(response: Response): Promise<ApiError> {
  try {
    const { error } = (await response.json()) as ErrorBody;
    return new ApiError(error.message, error.code, error.hint, response.status);
  } catch {
    return new ApiError(`the server answered ${response.status}`, null, null, response.status);
  }
}

/** Where the token is kept: for this tab, until it is closed. */
const TOKEN = 'bifocal-token';

function authorization(): Record<string, string> {
  const token = sessionStorage.getItem(TOKEN);
  return token ? { authorization: `Bearer ${token}` } : {};
}

/** From now on every request carries this token. */
export function setToken(token: string): void {
  sessionStorage.setItem(TOKEN, token);
}

/** Whether a token was given, which the server then did not take. */
export const hasToken = (): boolean => sessionStorage.getItem(TOKEN) !== null;

async function send(method: string, where: string, signal?: AbortSignal, body?: unknown): Promise<Response> {
  let response: Response;
  const content: Record<string, string> =
    body === undefined ? { accept: 'application/json' } : { 'content-type': 'application/json' };
  try {
    response = await fetch(`${BASE}/${where}`, {
      method,
      headers: { ...content, ...authorization() },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
      cache: 'no-store',
    });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new ApiError('the server does not answer');
  }
  if (!response.ok) throw await failure(response);
  return response;
}

export async function get<T>(where: string, signal?: AbortSignal): Promise<T> {
  const response = await send('GET', where, signal);
  try {
    return (await response.json()) as T;
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new ApiError('the server sent something that is not JSON', null, null, response.status);
  }
}

export async function startIncident(name: string, target: string): Promise<void> {
  await send('POST', 'demo/incidents', undefined, { name, target });
}

/** A silence as somebody wants it; `for` is a span such as `2h`. */
export interface WantedSilence {
  rule: string | null;
  target: string | null;
  severity: string | null;
  owner: string;
  reason: string;
  for: string;
}

export async function makeSilence(wanted: WantedSilence): Promise<void> {
  await send('POST', 'silences', undefined, wanted);
}

export async function endSilence(id: string, by: string): Promise<void> {
  await send('DELETE', address(['silences', id], { by }));
}

export async function handleIncident(id: string, what: 'acknowledge' | 'comments' | 'close', body: Record<string, string>): Promise<void> {
  await send('POST', address(['incidents', id, what]), undefined, body);
}

export async function addLabel(inference: string, label: NewLabel): Promise<void> {
  await send('POST', address(['inferences', inference, 'labels']), undefined, label);
}

export async function stopIncidents(): Promise<void> {
  await send('DELETE', 'demo/incidents');
}
