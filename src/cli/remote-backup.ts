/** A backup of a running assay, over its HTTP API. */
import { AssayError, messageOf } from '#core'
import type { BackupFile, BackupSource } from '#tsdb'

const API = '/api/assay/v1/backups'

/**
 * `url` may hold a name and a password for the listener. Rejects with `ASSAY_BACKUP`: nobody answers there, it refuses, or it is no assay.
 */
export async function openRemoteBackup(url: string, signal: AbortSignal): Promise<BackupSource> {
  const { base, headers, shown } = parseUrl(url)
  const ask = async (path: string, method: 'POST' | 'GET' | 'DELETE', by?: AbortSignal): Promise<Response> => {
    const response = await fetch(`${base}${API}${path}`, {
      method,
      headers,
      ...(by === undefined ? {} : { signal: by }),
    }).catch((cause: unknown) => {
      if (by?.aborted) throw by.reason
      throw new AssayError('ASSAY_BACKUP', `no assay answers at ${shown}: ${reasonOf(cause)}; name it by --url`, {
        cause,
      })
    })
    if (!response.ok) throw new AssayError('ASSAY_BACKUP', `the assay at ${shown} refuses: ${await refusal(response)}`)
    return response
  }
  const { id, store, at, files } = parseTaken(
    await (await ask('', 'POST', signal)).json().catch(() => undefined),
    shown,
  )
  return {
    store,
    at,
    files,
    async *read(path) {
      const response = await ask(`/${id}/file?path=${encodeURIComponent(path)}`, 'GET', signal)
      if (response.body !== null) yield* response.body
    },
    // Whoever stopped us must not leave it there until it is idle.
    [Symbol.asyncDispose]: () =>
      ask(`/${id}`, 'DELETE').then(
        () => undefined,
        () => undefined,
      ),
  }
}

function parseUrl(text: string) {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text))
    throw new AssayError('ASSAY_USAGE', `--url ${JSON.stringify(text)}: write http://HOST:PORT`)
  const url = new URL(text)
  const { username, password } = url
  url.username = ''
  url.password = ''
  const shown = url.href.replace(/\/$/, '')
  const secret = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  const headers: Record<string, string> =
    username === '' ? {} : { authorization: `Basic ${Buffer.from(secret).toString('base64')}` }
  return { base: shown, headers, shown }
}

type Taken = { readonly id: string; readonly store: string; readonly at: number; readonly files: readonly BackupFile[] }

function parseTaken(value: unknown, shown: string): Taken {
  const { id, store, at, files } = Object(value)
  if (typeof id !== 'string' || typeof store !== 'string' || typeof at !== 'number' || !Array.isArray(files))
    throw new AssayError('ASSAY_BACKUP', `what answers at ${shown} is no assay that knows backups`)
  return {
    id,
    store,
    at,
    files: files.map((one: unknown) => ({ path: String(Object(one).path), sizeBytes: Number(Object(one).sizeBytes) })),
  }
}

async function refusal(response: Response): Promise<string> {
  const text = await response.text().catch(() => '')
  try {
    const { error } = Object(JSON.parse(text))
    if (typeof error === 'string') return error
  } catch {
    // Not one of ours: its status says enough.
  }
  return `${response.status} ${response.statusText}`
}

/** `fetch` says "fetch failed" and hides the reason one deeper. */
function reasonOf(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error)
}
