/** What the server counts of its own, for `/metrics`: how full each bounded thing is, and what it turned away. */
import { type DeltaToCumulative, FAULT_REASONS, type KnownSeries, type OtlpCounts, type WriteCounts } from '#remote'
import type { ReadingsCache } from './assay/readings.ts'
import type { ClientErrors } from './http/client-errors.ts'
import type { Connections } from './http/connections.ts'
import type { Door } from './http/door.ts'
import type { Gate } from './http/gate.ts'
import type { LabelledReading, Reading } from './http/http-metrics.ts'
import type { Outgoing } from './http/outgoing.ts'
import type { Passwords } from './http/passwords.ts'
import type { ServerDeps } from './types.ts'

export function connectionReadings(connections: Connections, clientErrors: ClientErrors): readonly Reading[] {
  return [
    {
      name: 'assay_http_connections',
      type: 'gauge',
      help: 'Connections that are served.',
      value: () => connections.served,
    },
    {
      name: 'assay_http_connections_waiting',
      type: 'gauge',
      help: 'Connections that wait for a place.',
      value: () => connections.waiting,
    },
    {
      name: 'assay_http_connections_refused_total',
      type: 'counter',
      help: 'Connections closed because too many waited, or because they had waited too long.',
      value: () => connections.refused,
    },
    {
      name: 'assay_http_pipelined_requests_refused_total',
      type: 'counter',
      help: 'Requests refused because too many of their connection waited for answers.',
      value: () => connections.refusedRequests,
    },
    {
      name: 'assay_http_malformed_requests_total',
      type: 'counter',
      help: 'Connections ended because what came was no request, or did not arrive in time.',
      value: () => clientErrors.count,
    },
  ]
}

export function doorReadings(door: Door, passwords: Passwords): readonly Reading[] {
  return [
    {
      name: 'assay_http_unauthorized_total',
      type: 'counter',
      help: 'Requests without name and password that fit.',
      value: () => door.unauthorized,
    },
    {
      name: 'assay_http_rate_limited_total',
      type: 'counter',
      help: 'Requests refused because they came too quickly.',
      value: () => door.limited,
    },
    {
      name: 'assay_http_passwords_waiting',
      type: 'gauge',
      help: 'Passwords that are being checked.',
      value: () => passwords.waiting,
    },
  ]
}

/** `name`: `queries`, `remote_write`, ...: what the gate stands before. */
export function gateReadings(name: string, what: string, gate: Gate): readonly Reading[] {
  return [
    { name: `assay_${name}_running`, type: 'gauge', help: `${what} that run.`, value: () => gate.running },
    { name: `assay_${name}_waiting`, type: 'gauge', help: `${what} that wait for a place.`, value: () => gate.waiting },
    {
      name: `assay_${name}_refused_total`,
      type: 'counter',
      help: `${what} refused because too many waited.`,
      value: () => gate.refused,
    },
  ]
}

export function outgoingReadings(outgoing: Outgoing): readonly Reading[] {
  return [
    {
      name: 'assay_long_answers_sending',
      type: 'gauge',
      help: 'Long answers that are being read.',
      value: () => outgoing.answers,
    },
    {
      name: 'assay_long_answers_points',
      type: 'gauge',
      help: 'Points held for answers that are being read.',
      value: () => outgoing.points,
    },
    {
      name: 'assay_long_answers_refused_total',
      type: 'counter',
      help: 'Long answers refused because too much was held for other readers.',
      value: () => outgoing.refused,
    },
  ]
}

export function receiverReadings(writes: WriteCounts, otlp: OtlpCounts): readonly (Reading | LabelledReading)[] {
  return [
    {
      name: 'assay_remote_write_requests_total',
      type: 'counter',
      help: 'Remote write requests that could be read.',
      value: () => writes.requests,
    },
    {
      name: 'assay_remote_write_samples_total',
      type: 'counter',
      help: 'Samples taken by remote write.',
      value: () => writes.samples,
    },
    {
      name: 'assay_remote_write_histograms_total',
      type: 'counter',
      help: 'Native histograms taken by remote write.',
      value: () => writes.histograms,
    },
    {
      name: 'assay_remote_write_exemplars_total',
      type: 'counter',
      help: 'Exemplars taken by remote write.',
      value: () => writes.exemplars,
    },
    {
      name: 'prometheus_api_remote_write_invalid_labels_samples_total',
      type: 'counter',
      help: 'Samples of remote write left out for labels or buckets that are none.',
      value: () => {
        let count = 0
        for (const reason of FAULT_REASONS) count += writes.rejected.get(reason) ?? 0
        return count
      },
    },
    {
      name: 'prometheus_api_remote_write_without_metadata_appended_samples_total',
      type: 'counter',
      help: 'Samples of remote write 2.0 whose series came without metadata.',
      value: () => writes.withoutMetadata,
    },
    {
      name: 'assay_remote_write_rejected_samples_total',
      type: 'counter',
      help: 'Samples of remote write that were not taken, though the rest of their request was.',
      label: 'reason',
      values: () => writes.rejected,
    },
    {
      name: 'assay_remote_write_refused_requests_total',
      type: 'counter',
      help: 'Requests of remote write of which nothing was taken.',
      label: 'reason',
      values: () => writes.refused,
    },
    {
      name: 'assay_otlp_requests_total',
      type: 'counter',
      help: 'Requests of OpenTelemetry that could be read.',
      value: () => otlp.requests,
    },
    {
      name: 'assay_otlp_samples_total',
      type: 'counter',
      help: 'Samples taken from OpenTelemetry.',
      value: () => otlp.samples,
    },
    {
      name: 'assay_otlp_exemplars_total',
      type: 'counter',
      help: 'Exemplars taken from OpenTelemetry.',
      value: () => otlp.exemplars,
    },
    {
      name: 'assay_otlp_rejected_points_total',
      type: 'counter',
      help: 'Data points of OpenTelemetry that were not taken.',
      value: () => otlp.rejected,
    },
  ]
}

export function overviewReadings(readings: ReadingsCache): readonly Reading[] {
  return [
    {
      name: 'assay_overview_query_failures_total',
      type: 'counter',
      help: 'Queries of the overview that had no answer.',
      value: () => readings.failures,
    },
  ]
}

type Kept = Pick<ServerDeps, 'metadata' | 'exemplars' | 'notifications'> & {
  readonly known: KnownSeries
  readonly deltas: DeltaToCumulative | undefined
}

/** What is kept in memory within a bound, by Prometheus' names where it has the same. */
export function keptReadings({ metadata, exemplars, notifications, known, deltas }: Kept): readonly Reading[] {
  return [
    {
      name: 'assay_metadata_families',
      type: 'gauge',
      help: 'Families whose type, help and unit are known.',
      value: () => metadata.size,
    },
    {
      name: 'assay_metadata_characters',
      type: 'gauge',
      help: 'Characters of their names, help texts and units.',
      value: () => metadata.characters,
    },
    {
      name: 'assay_metadata_evicted_total',
      type: 'counter',
      help: 'Families whose metadata had to make room for that of others.',
      value: () => metadata.evicted,
    },
    {
      name: 'assay_remote_write_known_series',
      type: 'gauge',
      help: 'Series that remote write knows again by the bytes of their labels.',
      value: () => known.size,
    },
    {
      name: 'assay_remote_write_known_series_bytes',
      type: 'gauge',
      help: 'Bytes kept to know them.',
      value: () => known.bytes,
    },
    {
      name: 'assay_remote_write_known_series_forgotten_total',
      type: 'counter',
      help: 'Series of remote write that were silent and made room for others.',
      value: () => known.forgotten,
    },
    {
      name: 'assay_remote_write_known_series_refused_total',
      type: 'counter',
      help: 'How often a series of remote write found no room, and is decoded each time it comes.',
      value: () => known.refused,
    },
    {
      name: 'prometheus_api_notification_active_subscribers',
      type: 'gauge',
      help: 'The current number of active notification subscribers.',
      value: () => notifications.followers,
    },
    {
      name: 'prometheus_api_notification_updates_dropped_total',
      type: 'counter',
      help: 'Followers of notifications that were left because they did not read.',
      value: () => notifications.dropped,
    },
    ...(deltas === undefined ? [] : [deltaReading(deltas)]),
    ...(exemplars === undefined ? [] : exemplarReadings(exemplars)),
  ]
}

function deltaReading(deltas: DeltaToCumulative): Reading {
  return {
    name: 'assay_otlp_delta_streams',
    type: 'gauge',
    help: 'Streams of OpenTelemetry whose differences are summed up.',
    value: () => deltas.streams,
  }
}

function exemplarReadings(exemplars: NonNullable<ServerDeps['exemplars']>): readonly Reading[] {
  return [
    {
      name: 'prometheus_tsdb_exemplar_exemplars_in_storage',
      type: 'gauge',
      help: 'Number of exemplars currently in circular storage.',
      value: () => exemplars.count,
    },
    {
      name: 'prometheus_tsdb_exemplar_series_with_exemplars_in_storage',
      type: 'gauge',
      help: 'Number of series with exemplars currently in circular storage.',
      value: () => exemplars.seriesCount,
    },
    {
      name: 'prometheus_tsdb_exemplar_max_exemplars',
      type: 'gauge',
      help: 'Total number of exemplars the exemplar storage can store, resizeable.',
      value: () => exemplars.capacity,
    },
  ]
}
