/** S3-compatible storage of our own, on files in its directory, with one bucket. */
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Child, startChild, untilReady, type Workplace } from '../processes/child.ts'

/** The server knows no other. */
export const S3_CREDENTIALS = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' } as const

export interface S3 extends AsyncDisposable {
  readonly child: Child
  readonly endpoint: string
}

/** Rejects with `ASSAY_DEMO_PART` when it does not come up. */
export async function startS3(options: {
  readonly place: Workplace
  readonly dir: string
  readonly port: number
  readonly bucket: string
  readonly signal: AbortSignal
}): Promise<S3> {
  const { place, dir, port, bucket, signal } = options
  mkdirSync(dir, { recursive: true })
  const server = fileURLToPath(new URL('./s3-server.ts', import.meta.url))
  const child = await startChild(place, {
    name: 's3',
    // Without the old ciphers it cannot make the marker of a listing's next page.
    argv: [process.execPath, '--openssl-legacy-provider', server, dir, String(port), bucket],
    patienceMs: 1000,
  })
  const endpoint = `http://127.0.0.1:${port}`
  try {
    const up = async () =>
      (await fetch(endpoint, { signal: AbortSignal.timeout(1000) })).status > 0 ? true : undefined
    await untilReady(child, up, { timeoutMs: 20_000, signal })
  } catch (cause) {
    await child[Symbol.asyncDispose]()
    throw cause
  }
  return { child, endpoint, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() }
}
