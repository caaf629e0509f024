/** A backup of a running assay, over its HTTP API. */
import { AssayError, messageOf } from '#core'
import type { BackupFile, BackupSource } from '#tsdb'

const API = '/api/assay/v1/backups'

/**
 * `url` may hold a name and a password for the listener. Rejects with `ASSAY_BACKUP`: nobody answers there, it refuses, or it is no assay.
 */
export async function openRemoteBackup(url: string, signal: AbortSignal): Promise<BackupSource> {
  const { base, headers, shown } = parseUrl(url)
  const stop = new AbortController()
  const either = AbortSignal.any([signal, stop.signal])
  const ask = async (path: string, method: 'POST' | 'GET'): Promise<Response> => {
    const response = await fetch(`${base}${API}${path}`, { method, headers, signal: either }).catch(
      (cause: unknown) => {
        if (signal.aborted) throw signal.reason
        throw new AssayError('ASSAY_BACKUP', `no assay answers at ${shown}: ${reasonOf(cause)}; name it by --url`, {
          cause,
        })
      },
    )
    if (!response.ok) throw new AssayError('ASSAY_BACKUP', `the assay at ${shown} refuses: ${await refusal(response)}`)
    return response
  }
  try {
    const answer = await ask('', 'POST')
    const lines = answer.body === null ? undefined : linesOf(answer.body)
    const first = (await lines?.next())?.value
    const { id, store, at, files } = parseTaken(first, shown)
    // The answer stays open as long as the backup is wanted: its end tells the server to let it go.
    void drain(lines)
    return {
      store,
      at,
      files,
      async *read(path) {
        const { body } = await ask(`/${id}/file?path=${encodeURIComponent(path)}`, 'GET')
        if (body !== null) yield* body
      },
      [Symbol.asyncDispose]: async () => stop.abort(),
    }
  } catch (error) {
    stop.abort()
    throw error
  }
}

async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const bytes of body) {
    text += decoder.decode(bytes, { stream: true })
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      yield text.slice(0, end)
      text = text.slice(end + 1)
    }
  }
}

/** Reads on until it ends; how it ends does not matter: the files' answers tell. */
async function drain(lines: AsyncGenerator<string> | undefined): Promise<void> {
  try {
    while ((await lines?.next())?.done === false);
  } catch {
    // Stopped by us, or the server went.
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

function parseTaken(line: string | undefined, shown: string): Taken {
  const { id, store, at, files } = Object(parsed(line))
  if (typeof id !== 'string' || typeof store !== 'string' || typeof at !== 'number' || !Array.isArray(files))
    throw new AssayError('ASSAY_BACKUP', `what answers at ${shown} is no assay that knows backups`)
  return {
    id,
    store,
    at,
    files: files.map((one: unknown) => ({ path: String(Object(one).path), sizeBytes: Number(Object(one).sizeBytes) })),
  }
}

function parsed(line: string | undefined): unknown {
  try {
    return JSON.parse(line ?? '')
  } catch {
    return undefined
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
