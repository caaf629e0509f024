/**
 * HTTP as browsers and partners' programs do it: kept connections, cookies, a timeout, and (on Linux) an address of one's own,
 * so that one busy client can be told from many quiet ones.
 */
import { Agent, type OutgoingHttpHeaders, request } from 'node:http'

const TIMEOUT_MS = 10_000
const MAX_AGENTS = 128

export type Answer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: unknown
}

export type Call = {
  readonly method?: 'GET' | 'POST'
  readonly url: string
  readonly headers?: OutgoingHttpHeaders
  /** An object goes as JSON, bytes as `model/stl`. */
  readonly body?: unknown
  /** Below 127.0.0.0/8. */
  readonly from: string
  /** A connection for this call alone, as scripts do. */
  readonly alone?: boolean
}

const agents = new Map<string, Agent>()

function agentOf(from: string, keepAlive: boolean): Agent {
  const name = `${from}${keepAlive ? '' : ' alone'}`
  const known = agents.get(name)
  if (known !== undefined) return known
  if (agents.size >= MAX_AGENTS) throw new Error(`BUG: more than ${MAX_AGENTS} client addresses: ${from}`)
  const own = process.platform === 'linux' ? { localAddress: from } : {}
  const agent = new Agent({ keepAlive, maxSockets: 64, maxFreeSockets: 8, timeout: TIMEOUT_MS, ...own })
  agents.set(name, agent)
  return agent
}

/** Rejects when there is no answer. A kept connection that was closed under a request is tried once more, as browsers do. */
export async function call(wanted: Call): Promise<Answer> {
  try {
    return await once(wanted)
  } catch (err) {
    if (err instanceof Error && 'reused' in err) return once(wanted)
    throw err
  }
}

function once({ method = 'GET', url, headers = {}, body, from, alone = false }: Call): Promise<Answer> {
  const bytes = body === undefined ? undefined : body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body))
  const type = body instanceof Uint8Array ? 'model/stl' : 'application/json'
  const all = bytes === undefined ? headers : { ...headers, 'content-type': type, 'content-length': bytes.byteLength }
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      { method, agent: agentOf(from, !alone), headers: all, timeout: TIMEOUT_MS },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: tryJson(Buffer.concat(chunks).toString('utf8')),
          })
        })
      },
    )
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)))
    sent.on('error', (err) => {
      const closed = 'code' in err && (err.code === 'ECONNRESET' || err.code === 'EPIPE')
      reject(sent.reusedSocket && closed ? Object.assign(err, { reused: true }) : err)
    })
    sent.end(bytes)
  })
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
