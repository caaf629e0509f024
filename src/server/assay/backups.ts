/**
 * Backups over HTTP. `POST /backups` takes one and answers with its files as one line of JSON; that answer stays open, and so does the
 * backup: `GET /backups/ID/file?path=...` gives its files meanwhile. When the caller goes, however he does, the backup goes too.
 *
 * - Off unless `--web.enable-admin-api` is given: a backup holds everything, the state database too.
 * - At most `MOST` at once. An empty line every `BEAT_MS` keeps the connection, and notices that nobody is there any more.
 * - A page of another origin may not ask.
 */
import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type Clock, type Log, messageOf } from '#core'
import { ApiError } from '../http/api-error.ts'
import { requireSameOrigin } from '../http/origin.ts'
import { paramsOf } from '../http/request.ts'
import { BASE } from './openapi.ts'

/** One backup, open: its files do not change until it is disposed. */
export type OpenBackup = AsyncDisposable & {
  readonly store: string
  /** Unix milliseconds. */
  readonly at: number
  readonly files: readonly { readonly path: string; readonly sizeBytes: number }[]
  readonly read: (path: string) => AsyncIterable<Uint8Array>
}

export type BackupsDeps = {
  readonly clock: Clock
  readonly log: Log
  /** Absent: the admin API is off. */
  readonly backup?: () => Promise<OpenBackup>
}

const MOST = 2
const BEAT_MS = 15_000

type Kept = { readonly backup: OpenBackup; readonly stop: AbortController }

export class Backups implements AsyncDisposable {
  readonly #deps: BackupsDeps
  readonly #open = new Map<string, Kept>()
  #opening = 0

  constructor(deps: BackupsDeps) {
    this.#deps = deps
  }

  register(app: FastifyInstance): void {
    app.register(async (scope) => {
      scope.removeAllContentTypeParsers()
      scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: 1024 }, (_request, _body, done) => done(null))
      scope.post(`${BASE}/backups`, async (request, reply) => {
        requireSameOrigin(request.headers)
        await this.#take(reply)
      })
      scope.get(`${BASE}/backups/:id/file`, { exposeHeadRoute: false }, async (request, reply) => {
        requireSameOrigin(request.headers)
        return this.#send(request, reply)
      })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of [...this.#open.keys()]) await this.#close(id)
  }

  /** Answers, and goes on answering until the caller goes. */
  async #take(reply: FastifyReply): Promise<void> {
    const { clock, log } = this.#deps
    const backup = await this.#begin()
    const id = randomUUID()
    const kept: Kept = { backup, stop: new AbortController() }
    this.#open.set(id, kept)
    reply.hijack()
    const { raw } = reply
    const end = () =>
      void this.#close(id).catch((error: unknown) =>
        log.error({ err: messageOf(error) }, 'a backup could not be removed; the next start removes it'),
      )
    // A connection that breaks is not our failure; its 'close' lets the backup go.
    raw.on('error', () => undefined)
    raw.once('close', end)
    const { store, at, files } = backup
    raw.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' })
    raw.write(`${JSON.stringify({ id, store, at, files })}\n`)
    log.info({ files: files.length }, 'a backup was taken and is being fetched')
    // He went while it was made: his 'close' has been already.
    if (raw.destroyed) end()
    for await (const _ of clock.ticks(BEAT_MS, kept.stop.signal)) raw.write('\n')
  }

  async #begin(): Promise<OpenBackup> {
    const { backup } = this.#deps
    if (backup === undefined)
      throw new ApiError('forbidden', 'backups over HTTP are off; start assay with --web.enable-admin-api')
    if (this.#open.size + this.#opening >= MOST)
      throw new ApiError('rate_limited', `${MOST} backups are being fetched already; try again when one has ended`)
    this.#opening++
    try {
      return await backup()
    } catch (cause) {
      throw new ApiError('internal', `the backup failed: ${messageOf(cause)}`, { cause })
    } finally {
      this.#opening--
    }
  }

  #send(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const kept = this.#open.get(idOf(request))
    if (kept === undefined) throw new ApiError('not_found', 'there is no such backup; whoever took it has gone')
    const path = paramsOf(request).get('path')
    const file = kept.backup.files.find((one) => one.path === path)
    if (file === undefined) throw new ApiError('not_found', `the backup has no file ${JSON.stringify(path)}`)
    return reply
      .type('application/octet-stream')
      .header('content-length', file.sizeBytes)
      .header('cache-control', 'no-store')
      .send(Readable.from(kept.backup.read(path), { objectMode: false }))
  }

  async #close(id: string): Promise<void> {
    const kept = this.#open.get(id)
    this.#open.delete(id)
    kept?.stop.abort()
    await kept?.backup[Symbol.asyncDispose]()
  }
}

function idOf({ params }: FastifyRequest): string {
  return typeof params === 'object' && params !== null && 'id' in params ? String(params.id) : ''
}
