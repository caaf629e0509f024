/**
 * Asking the server. Addresses are relative to the page, so that a route prefix needs no configuration.
 *
 * - What comes back is `unknown` until it has the shape of its envelope; a proxy's login page is an error, not data.
 * - Every failure is an `ApiError` whose message is a sentence that says what to do.
 */

/** What went wrong between page and server. `status` 0: nobody answered. */
export class ApiError extends Error {
  readonly status: number
  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ApiError'
    this.status = status
  }
}

/** Reads one JSON document. `path` has no leading slash: `api/assay/v1/overview`. Rejects with `ApiError`. */
export async function getJson(path: string, signal: AbortSignal): Promise<unknown> {
  return await ask(path, { headers: { accept: 'application/json' }, signal })
}

/** Sends one JSON document; for what a person does by hand. Rejects with `ApiError`. */
export async function postJson(path: string, body: object): Promise<unknown> {
  return await ask(path, {
    method: 'POST',
    headers: { accept: 'application/json', 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(15_000),
  })
}

async function ask(path: string, init: RequestInit): Promise<unknown> {
  let response: Response
  try {
    response = await fetch(path, { ...init, credentials: 'same-origin' })
  } catch (cause) {
    if (init.signal?.aborted === true && (cause as Error).name !== 'TimeoutError') throw cause
    throw new ApiError(0, 'assay does not answer. Is `assay serve` running? This page tries again by itself.', {
      cause,
    })
  }
  const text = await response.text()
  const body = tryParse(text)
  if (!response.ok)
    throw new ApiError(response.status, messageOf(body) ?? `assay answered ${response.status} to ${path}.`)
  if (body === undefined && response.status !== 204) {
    throw new ApiError(
      response.status,
      `${path} answered something that is no JSON. Is a proxy or a login page in between?`,
    )
  }
  return body
}

/** The document's member, when the document is an object that has it; a bare document otherwise. */
export function member(body: unknown, name: string): unknown {
  return isRecord(body) && name in body ? body[name] : body
}

export function asArray<T>(body: unknown, what: string): readonly T[] {
  if (!Array.isArray(body))
    throw new ApiError(200, `assay's answer holds no list of ${what}. Do page and server have the same version?`)
  return body as readonly T[]
}

/** `field` is one that every such document has. */
export function asDocument<T>(body: unknown, field: keyof T & string, what: string): T {
  if (!isRecord(body) || !(field in body)) {
    throw new ApiError(200, `assay's answer is no ${what}. Do page and server have the same version?`)
  }
  return body as T
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** Ours say `message`, Prometheus' says `error`. */
function messageOf(body: unknown): string | undefined {
  if (!isRecord(body)) return undefined
  for (const name of ['message', 'error']) {
    const text = body[name]
    if (typeof text === 'string' && text !== '') return text
    if (isRecord(text) && typeof text['message'] === 'string') return text['message']
  }
  return undefined
}
