/** `HOST:PORT` as people write it: `127.0.0.1:2424`, `[::1]:2424`, `:2424` for loopback, `2424` alone. */
import { AssayError } from '#core'

export type Listen = { readonly host: string; readonly port: number }

/** Throws `ASSAY_USAGE`. */
export function parseListen(text: string): Listen {
  const [, bracketed, plain, port] = /^(?:(?:\[([^\]]+)\]|([^:[\]]*)):)?(\d{1,5})$/.exec(text) ?? []
  if (port === undefined || Number(port) > 65_535) {
    throw new AssayError('ASSAY_USAGE', `--listen ${JSON.stringify(text)}: write HOST:PORT, as in 127.0.0.1:2424`)
  }
  const host = bracketed ?? plain ?? ''
  return { host: host === '' ? '127.0.0.1' : host, port: Number(port) }
}
