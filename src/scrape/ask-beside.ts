/** Asks a target for something beside its page. Nothing is kept, and no more than MAX_BYTES is taken. */
import type { HttpClient } from '#core'
import { readBody } from './http-reader.ts'
import type { AskBeside } from './types.ts'

const MAX_BYTES = 2 ** 20

export function askBeside(target: {
  /** Of its page, with its secrets. */
  readonly url: string
  readonly client: HttpClient
  readonly version?: string
}): AskBeside {
  const { client, version = '0' } = target
  const headers = { 'accept-encoding': 'gzip', 'user-agent': `assay/${version}` }
  return async (path, signal) => {
    // Relative to the page, so that it is found behind a proxy that puts a path before both; a user in the address stays.
    const { href } = new URL(`./${path}`, target.url)
    const { message } = await client.request({ url: href, headers }, signal)
    return { status: message.statusCode ?? 0, body: await readBody(message, MAX_BYTES, signal) }
  }
}
