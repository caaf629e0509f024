/**
 * Backups over HTTP: `POST /backups` takes one, its files are fetched one by one, `DELETE` lets it go.
 *
 * - Off unless `--web.enable-admin-api` is given: a backup holds everything, the state database too.
 * - At most `MOST` at once, each let go when nobody asked for it for `IDLE_MS`, and when the server stops.
 * - A page of another origin may not ask.
 */
import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type Clock, type Log, messageOf } from '#core'
import { ApiError } from '../http/api-error.ts'
import { requireSameOrigin } from '../http/origin.ts'
import { paramsOf, sendJson } from '../http/request.ts'
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
const IDLE_MS = 10 * 60_000

type Kept = { readonly backup: OpenBackup; readonly stop: AbortController; usedAt: number; reading: number }

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
        return sendJson(reply.code(201), JSON.stringify(await this.#take()))
      })
      scope.get(`${BASE}/backups/:id/file`, { exposeHeadRoute: false }, async (request, reply) => {
        requireSameOrigin(request.headers)
        return this.#send(request, reply)
      })
      scope.delete(`${BASE}/backups/:id`, async (request, reply) => {
        requireSameOrigin(request.headers)
        const id = idOf(request)
        this.#kept(id)
        await this.#close(id)
        return reply.code(204).send()
      })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of [...this.#open.keys()]) await this.#close(id)
  }

  async #take(): Promise<unknown> {
    const { backup: take, clock, log } = this.#deps
    if (take === undefined)
      throw new ApiError('forbidden', 'backups over HTTP are off; start assay with --web.enable-admin-api')
    if (this.#open.size + this.#opening >= MOST)
      throw new ApiError('rate_limited', `${MOST} backups are being fetched already; try again when one has ended`)
    this.#opening++
    try {
      const backup = await take()
      const id = randomUUID()
      const kept: Kept = { backup, stop: new AbortController(), usedAt: clock.now(), reading: 0 }
      this.#open.set(id, kept)
      void this.#letGoWhenIdle(id, kept)
      const { store, at, files } = backup
      log.info({ files: files.length }, 'a backup was taken and is being fetched')
      return { id, store, at, files }
    } catch (cause) {
      throw new ApiError('internal', `the backup failed: ${messageOf(cause)}`, { cause })
    } finally {
      this.#opening--
    }
  }

  #send(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const kept = this.#kept(idOf(request))
    const path = paramsOf(request).get('path')
    const file = kept.backup.files.find((one) => one.path === path)
    if (file === undefined) throw new ApiError('not_found', `the backup has no file ${JSON.stringify(path)}`)
    kept.reading++
    reply.raw.once('close', () => {
      kept.reading--
      kept.usedAt = this.#deps.clock.now()
    })
    return reply
      .type('application/octet-stream')
      .header('content-length', file.sizeBytes)
      .header('cache-control', 'no-store')
      .send(Readable.from(kept.backup.read(path), { objectMode: false }))
  }

  #kept(id: string): Kept {
    const kept = this.#open.get(id)
    if (kept === undefined)
      throw new ApiError('not_found', 'there is no such backup; it may have ended for want of questions')
    kept.usedAt = this.#deps.clock.now()
    return kept
  }

  async #letGoWhenIdle(id: string, kept: Kept): Promise<void> {
    const { clock, log } = this.#deps
    while (!kept.stop.signal.aborted) {
      await clock.sleep(IDLE_MS, kept.stop.signal)
      if (kept.stop.signal.aborted || kept.reading > 0 || clock.now() - kept.usedAt < IDLE_MS) continue
      log.warn({}, 'a backup was not fetched to its end and is let go')
      await this.#close(id).catch((error: unknown) =>
        log.error({ err: messageOf(error) }, 'a backup could not be removed'),
      )
    }
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
