/**
 * Sends one body to one address, over the HTTP client of `#core`, and reads what a sender needs of the answer.
 *
 * - Never rejects for a status: it answers it. Rejects when there is no answer.
 * - The status is the answer: a body that is cut off or never ends takes nothing from it.
 * - Redirects that keep method and body (307, 308) are followed on the same host; to another one, neither our data nor our
 *   credentials go without being told.
 */
import { createHttpClient, type HttpClientConfig, type Text } from '#core'

export type PostAnswer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** The beginning of the body. */
  readonly text: string
}

export type Post = {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export interface PostClient extends Disposable {
  post(post: Post, signal: AbortSignal): Promise<PostAnswer>
}

const MAX_REDIRECTS = 10
const MAX_ANSWER_BYTES = 64 * 1024

export function postClient(config: HttpClientConfig, resolve: (text: Text) => string): PostClient {
  const client = createHttpClient(config, { resolve })
  return {
    async post({ url: first, headers, body }, signal) {
      let url = first
      for (let hop = 0; ; hop++) {
        const { message } = await client.request({ url, method: 'POST', headers, body }, signal)
        const status = message.statusCode ?? 0
        const next = status === 307 || status === 308 ? sameHost(message.headers.location, url) : undefined
        if (next === undefined || config.followRedirects === false || hop === MAX_REDIRECTS)
          return { status, headers: message.headers, text: await beginningOf(message).catch(() => '') }
        message.destroy()
        url = next
      }
    },
    [Symbol.dispose]: () => client[Symbol.dispose](),
  }
}

function sameHost(location: string | undefined, from: string): string | undefined {
  if (location === undefined || !URL.canParse(location, from)) return undefined
  const next = new URL(location, from)
  return next.origin === new URL(from).origin ? next.href : undefined
}

async function beginningOf(answer: AsyncIterable<Buffer> & { destroy(): unknown }): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer) {
    chunks.push(chunk)
    size += chunk.length
    if (size < MAX_ANSWER_BYTES) continue
    answer.destroy()
    break
  }
  return Buffer.concat(chunks).subarray(0, MAX_ANSWER_BYTES).toString('utf8')
}
