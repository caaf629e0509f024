/** The shop's way to the MES: its internal channel, over connections that are kept open. */
import { Agent, request } from 'node:http'
import { INTERNAL_ADDRESS } from '../base/settings.ts'

const TIMEOUT_MS = 5000

export type Quote = { readonly cents: number; readonly minutes: number }

export interface Mes extends Disposable {
  /** Rejects with `MesError`: its status is the MES' own, 504 when it took too long, 502 when it could not be reached. */
  price(wanted: unknown): Promise<Quote>
}

export class MesError extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export function mesClient(url: string, apiKey: string): Mes {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 16,
    ...(INTERNAL_ADDRESS ? { localAddress: INTERNAL_ADDRESS } : {}),
  })
  const post = (body: string) =>
    new Promise<Quote>((resolve, reject) => {
      const headers = {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'x-api-key': apiKey,
      }
      const call = request(`${url}/price`, { method: 'POST', agent, headers, timeout: TIMEOUT_MS }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          text += chunk
        })
        response.on('error', reject)
        response.on('end', () => {
          const status = response.statusCode ?? 502
          const answer = tryQuote(text)
          if (status === 200 && answer !== undefined) resolve(answer)
          else reject(new MesError(status >= 400 && status < 500 ? 422 : 502, `the MES answered ${status}`))
        })
      })
      call.on('timeout', () => call.destroy(new MesError(504, `the MES did not answer within ${TIMEOUT_MS} ms`)))
      call.on('error', (err) => {
        // A kept connection that the MES closed meanwhile: pricing changes nothing, so it may be asked again.
        if (call.reusedSocket && 'code' in err && (err.code === 'ECONNRESET' || err.code === 'EPIPE'))
          post(body).then(resolve, reject)
        else reject(err instanceof MesError ? err : new MesError(502, `the MES cannot be reached: ${err.message}`))
      })
      call.end(body)
    })
  return { price: (wanted) => post(JSON.stringify(wanted)), [Symbol.dispose]: () => agent.destroy() }
}

function tryQuote(text: string): Quote | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || !('cents' in value) || !('minutes' in value)) return undefined
    return { cents: Number(value.cents), minutes: Number(value.minutes) }
  } catch {
    return undefined
  }
}
