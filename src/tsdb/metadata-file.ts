/**
 * Keeps the metadata of metrics over a restart: one file, written whole and renamed, at intervals and at the end, when there is
 * something new.
 *
 * - Metadata comes again with every scrape, so the file is a comfort and never in the way: one that is damaged or cannot be read is
 *   told and begun anew, one that cannot be written is told and tried again at the next interval.
 * - What came since the last interval is lost with a `kill -9`; the samples are not.
 * Drawn in docs/formats/data-directory.md.
 */
import { readFile } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { type Clock, type Log, messageOf } from '#core'
import { METRIC_TYPES, type Metadata, MetadataStore } from '#storage'
import { hasCode, writeDurably } from './data-dir.ts'

export const METADATA_FORMAT = 1

type Family = readonly [family: string, type: string, help: string, unit: string]

export type MetadataFileOptions = {
  readonly file: string
  readonly clock: Clock
  readonly log: Log
  /** Default 60 s. */
  readonly intervalMs?: number
}

export interface KeptMetadata extends AsyncDisposable {
  readonly store: MetadataStore
  /** Writes now what is new. Never rejects. */
  save(): Promise<void>
}

/** Reads what there is and keeps it from then on, until it is disposed. Never rejects for the file's sake. */
export async function keepMetadata({
  file,
  clock,
  log,
  intervalMs = 60_000,
}: MetadataFileOptions): Promise<KeptMetadata> {
  const store = new MetadataStore()
  try {
    for (const [family, metadata] of parseFamilies(await readFile(file, 'utf8'))) store.set(family, metadata)
  } catch (error) {
    if (!hasCode(error, 'ENOENT'))
      log.warn(
        { file, err: messageOf(error) },
        'the metadata of metrics could not be read; it comes again with each scrape',
      )
  }
  return new MetadataFile(store, { file, clock, log, intervalMs })
}

class MetadataFile implements KeptMetadata {
  readonly store: MetadataStore
  readonly #options: Required<MetadataFileOptions>
  readonly #stop = new AbortController()
  readonly #ticking: Promise<void>
  #saved: number
  /** One write after the other: they share a temporary file. */
  #chain: Promise<void> = Promise.resolve()

  constructor(store: MetadataStore, options: Required<MetadataFileOptions>) {
    this.store = store
    this.#saved = store.revision
    this.#options = options
    this.#ticking = this.#tick()
  }

  save(): Promise<void> {
    this.#chain = this.#chain.then(() => this.#write())
    return this.#chain
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#ticking
    await this.save()
  }

  async #tick(): Promise<void> {
    const { clock, intervalMs } = this.#options
    for await (const _ of clock.ticks(intervalMs, this.#stop.signal)) await this.save()
  }

  async #write(): Promise<void> {
    const { file, log } = this.#options
    const { revision } = this.store
    if (revision === this.#saved) return
    try {
      await writeDurably(file, formatFamilies(this.store))
      this.#saved = revision
    } catch (error) {
      log.warn({ file, err: messageOf(error) }, 'the metadata of metrics could not be written; it is tried again')
    }
  }
}

function formatFamilies(store: MetadataStore): string {
  const families = JSON.stringify(Array.from(store, ([name, { type, help, unit }]): Family => [name, type, help, unit]))
  return `{"format":${METADATA_FORMAT},"crc":${crc32(families)},"families":${families}}\n`
}

/** Throws an `Error` that says what is wrong. */
function parseFamilies(text: string): readonly (readonly [string, Metadata])[] {
  const value: unknown = JSON.parse(text)
  const { format, crc, families } = { ...(value as { format?: unknown; crc?: unknown; families?: unknown }) }
  if (format !== METADATA_FORMAT) throw new Error(`it is of format ${format}, this assay knows ${METADATA_FORMAT}`)
  if (!Array.isArray(families) || crc32(JSON.stringify(families)) !== crc) throw new Error('its checksum does not hold')
  return (families as readonly Family[]).map(([family, given, help, unit]) => {
    const type = METRIC_TYPES.find((one) => one === given)
    if (type === undefined) throw new Error(`${family} is of the type ${given}, which there is not`)
    return [family, { type, help, unit }]
  })
}
