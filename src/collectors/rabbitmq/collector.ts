/**
 * RabbitMQ as a collector: its own metrics, and each queue.
 *
 * - Two doors: the management API tells of queues and nodes, the Prometheus plugin of everything else. When one of them
 *   is closed, what the other tells still comes, and a caveat says which plugin to enable. When both are, the read fails.
 */
import { AssayError, PageWriter } from '#core'
import type { Collector, CollectorDeps, RabbitmqSpec } from '../types.ts'
import { urlOf, whereIs } from '../where.ts'
import { type Door, doorOf, getText, managementSentence } from './client.ts'
import { type BrokerNode, getNodes, getOverview, getQueues, type Overview, type Queue } from './management.ts'
import {
  fromDetailed,
  lengthsOf,
  withoutFamilies,
  writeDeadLetters,
  writeNodes,
  writeQueues,
  writeRunning,
} from './page.ts'

const DEFAULT_PROMETHEUS_PORT = 15692
const DETAILED = '/detailed?family=queue_coarse_metrics&family=queue_metrics&family=queue_consumer_count'

/** Throws `ASSAY_ENV_MISSING`, `ASSAY_COLLECTOR_URL`. */
export function rabbitmqCollector(spec: RabbitmqSpec, { resolve }: CollectorDeps): Collector {
  const where = whereIs(spec.management, 'management', spec.part)
  const management = doorOf(urlOf(resolve(spec.management), ['http', 'https'], where))
  const metrics =
    spec.metrics === undefined
      ? undefined
      : doorOf(urlOf(resolve(spec.metrics), ['http', 'https'], whereIs(spec.metrics, 'metrics', spec.part)), management)
  return new RabbitmqCollector(spec, { management, metrics, where })
}

type Doors = { readonly management: Door; readonly metrics: Door | undefined; readonly where: string }
type Managed = {
  readonly overview: Overview
  readonly nodes: readonly BrokerNode[]
  readonly queues: readonly Queue[]
  readonly omitted: number
}

class RabbitmqCollector implements Collector {
  readonly spec: RabbitmqSpec
  readonly address: string
  readonly #doors: Doors
  #caveats: readonly string[] = []

  constructor(spec: RabbitmqSpec, doors: Doors) {
    this.spec = spec
    this.address = doors.management.base
    this.#doors = doors
  }

  caveats(): readonly string[] {
    return this.#caveats
  }

  async read(signal: AbortSignal): Promise<string> {
    const caveats: string[] = []
    const { management, where } = this.#doors
    let managed: Managed | undefined
    let refusal: unknown
    try {
      managed = await readManagement(management, signal)
    } catch (thrown) {
      if (signal.aborted) throw signal.reason
      refusal = thrown
      caveats.push(managementSentence(thrown, management, where))
    }
    const page = new PageWriter()
    const own = await this.#readOwn(managed, signal)
    if (managed === undefined && own === undefined) {
      throw new AssayError('ASSAY_COLLECTOR_RABBITMQ', caveats[0] ?? '', { cause: refusal })
    }
    page.family('assay_rabbitmq_plugin_up', 'gauge', 'Whether a door of the broker is open.')
    page.sample(Number(managed !== undefined), { plugin: 'rabbitmq_management' })
    page.sample(Number(own !== undefined), { plugin: 'rabbitmq_prometheus' })
    let lengths: ReadonlyMap<string, number>
    if (managed === undefined) {
      const detailed = fromDetailed(own?.detailed ?? '')
      page.raw(detailed.text)
      lengths = detailed.lengths
    } else {
      writeQueues(page, managed.queues)
      writeRunning(page, managed.nodes)
      lengths = lengthsOf(managed.queues)
      if (own === undefined) writeNodes(page, managed.overview, managed.nodes)
      if (managed.omitted > 0)
        caveats.push(`the broker has ${managed.omitted} more queues than are read; they are not shown`)
      if (!managed.overview.keepsRates)
        caveats.push('the broker keeps no message counters (management.rates_mode = none); rates of queues are missing')
    }
    if (own === undefined) {
      caveats.push(
        `the broker's own metrics are missing at ${management.host}; enable them: rabbitmq-plugins enable rabbitmq_prometheus`,
      )
    } else page.raw(withoutFamilies(own.text, String(page)))
    for (const name of writeDeadLetters(page, this.spec.deadLetters, lengths)) {
      caveats.push(
        `there is no queue ${name} for dead letters at ${management.host}; create it, or check deadLetters of ${this.spec.part}`,
      )
    }
    this.#caveats = caveats
    return String(page)
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** The broker's own page; with the detailed one when management tells nothing of queues. `undefined`: the door is closed. */
  async #readOwn(
    managed: Managed | undefined,
    signal: AbortSignal,
  ): Promise<{ text: string; detailed: string } | undefined> {
    const door = this.#ownDoor(managed)
    if (door === undefined) return undefined
    try {
      const text = await getText(door, '', signal)
      const detailed = managed === undefined ? await getText(door, DETAILED, signal) : ''
      return { text, detailed }
    } catch {
      if (signal.aborted) throw signal.reason
      return undefined
    }
  }

  #ownDoor(managed: Managed | undefined): Door | undefined {
    const { management, metrics } = this.#doors
    if (metrics !== undefined) return metrics
    const found = managed === undefined ? { port: DEFAULT_PROMETHEUS_PORT, secure: false } : managed.overview.prometheus
    if (found === undefined) return undefined
    // The plugin takes no credentials by itself, so none are sent to a port that was only guessed.
    const url = new URL(management.base)
    const host = `${url.hostname}:${found.port}`
    return { base: `http${found.secure ? 's' : ''}://${host}/metrics`, host, user: '', authorization: undefined }
  }
}

async function readManagement(door: Door, signal: AbortSignal): Promise<Managed> {
  const overview = await getOverview(door, signal)
  const [nodes, { queues, omitted }] = await Promise.all([
    getNodes(door, signal),
    getQueues(door, overview.keepsRates, signal),
  ])
  return { overview, nodes, queues, omitted }
}
