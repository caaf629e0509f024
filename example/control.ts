/**
 * The demo's control, on loopback: break, heal, status, mails. `assay demo break ...` speaks to it.
 *
 * A web page in the user's browser can reach loopback too: requests with an `Origin` or for another `Host` are refused.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { DemoError, messageOf } from './demo-error.ts'
import type { Switchboard } from './faults/switchboard.ts'
import type { Mail } from './parts/smtp.ts'

export type ControlDeps = {
  readonly port: number
  readonly switchboard: Switchboard
  readonly status: () => unknown
  readonly mails: () => Promise<readonly Mail[]>
  /** Starts assay again after it was stopped or killed. Rejects with `ASSAY_DEMO_RUNNING` while it runs. */
  readonly startAssay: () => Promise<void>
}

/** Rejects when the port cannot be had. */
export async function startControl(deps: ControlDeps): Promise<AsyncDisposable> {
  const server = createServer((request, response) => {
    answer(deps, request).then(
      ({ status, body }) => send(response, status, body),
      (err: unknown) => {
        const unknown = err instanceof DemoError && err.code === 'ASSAY_DEMO_FAULT'
        send(response, unknown ? 404 : 500, {
          error: messageOf(err),
          ...(err instanceof DemoError ? { code: err.code } : {}),
        })
      },
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(deps.port, '127.0.0.1', () => resolve())
  })
  return {
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(
  { switchboard, status, mails, startAssay }: ControlDeps,
  request: IncomingMessage,
): Promise<{ status: number; body: unknown }> {
  request.resume()
  const host = (request.headers.host ?? '').replace(/:\d+$/, '')
  if (request.headers.origin !== undefined || !['127.0.0.1', 'localhost'].includes(host))
    return { status: 403, body: { error: 'the control answers to programs on this machine, not to web pages' } }
  const [, verb = '', fault, ...rest] = (request.url ?? '').split('?')[0]!.split('/').map(decodeSegment)
  const what = rest.length > 0 ? '' : `${request.method} ${verb}`
  if (what === 'GET status' && fault === undefined) return { status: 200, body: status() }
  if (what === 'GET mails' && fault === undefined) return { status: 200, body: { mails: await mails() } }
  if (what === 'POST assay' && fault === 'start') await startAssay()
  else if (what === 'POST break' && fault !== undefined) await switchboard.break(fault)
  else if (what === 'POST heal') await switchboard.heal(fault)
  else
    return {
      status: 404,
      body: {
        error:
          'there are POST /break/FAULT, POST /heal, POST /heal/FAULT, POST /assay/start, GET /status and GET /mails',
      },
    }
  return { status: 200, body: { faults: switchboard.faults() } }
}

/** A segment that is not encoded properly names nothing that exists. */
function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}
