/**
 * Flags of Prometheus that mean nothing here: taken, so that a command line that starts Prometheus starts assay, each with the
 * sentence that the log gives to whoever wrote it. Those whose loss would be dangerous are refused instead.
 *
 * Source of the names: prometheus: docs/command-line/prometheus.md and cmd/prometheus/main.go, of version 3.
 */
import type { Flag } from './options.ts'

/** `sentence` says what holds instead. `refused`: going on without it would be worse than not to start. */
export type ForeignFlag = Flag & { readonly sentence: string; readonly refused?: true }

const STORE = "assay's store has its own layout and needs no such setting"
const NOTICES = 'alerts leave by the receivers of a definition, through a durable outbox'
const CONSOLES = 'there are no console templates; dashboards are in the UI'
const RUNTIME = 'a setting of the Go runtime'
const AGENT = 'there is no agent mode; use remote_write, and a short --retention'

export const FOREIGN_FLAGS: readonly ForeignFlag[] = [
  switched('web.enable-remote-write-receiver', 'the receiver is always on'),
  switched('web.enable-otlp-receiver', 'the receiver is always on'),
  valued('web.remote-write-receiver.accepted-protobuf-messages', 'remote write 1.0 and 2.0 are both taken'),
  valued('web.page-title', "the title is the system's name"),
  valued('web.user-assets', 'no other files are served'),
  valued('web.console.templates', CONSOLES),
  valued('web.console.libraries', CONSOLES),
  switched('storage.tsdb.no-lockfile', STORE),
  switched('storage.tsdb.allow-overlapping-blocks', STORE),
  switched('storage.tsdb.wal-compression', STORE),
  valued('storage.tsdb.wal-compression-type', STORE),
  valued('storage.tsdb.wal-segment-size', STORE),
  valued('storage.tsdb.head-chunks-write-queue-size', STORE),
  valued('storage.tsdb.max-block-chunk-segment-size', STORE),
  valued('storage.tsdb.min-block-duration', STORE),
  valued('storage.tsdb.max-block-duration', STORE),
  valued('storage.tsdb.samples-per-chunk', STORE),
  valued('storage.tsdb.delay-compact-file.path', STORE),
  valued('rules.alert.resend-delay', NOTICES),
  valued('rules.max-concurrent-evals', 'groups run side by side, the rules of one in order'),
  valued('alertmanager.notification-queue-capacity', NOTICES),
  valued('alertmanager.notification-batch-size', NOTICES),
  valued('alertmanager.timeout', NOTICES),
  switched('alertmanager.drain-notification-queue-on-shutdown', NOTICES),
  valued('scrape.name-escaping-scheme', 'set metric_name_escaping_scheme in the configuration'),
  valued('scrape.timestamp-tolerance', 'samples keep the instant at which they were read'),
  switched('scrape.adjust-timestamps', 'samples keep the instant at which they were read'),
  valued('scrape.discovery-reload-interval', 'what discovery finds takes effect at once'),
  valued('log.format', 'the log is JSON, one object a line'),
  switched('auto-gomaxprocs', RUNTIME),
  switched('auto-gomemlimit', RUNTIME),
  valued('auto-gomemlimit.ratio', RUNTIME),
  { ...switched('agent', AGENT), refused: true },
  { ...valued('storage.agent.path', AGENT), refused: true },
  { ...valued('storage.agent.retention.min-time', AGENT), refused: true },
  { ...valued('storage.agent.retention.max-time', AGENT), refused: true },
]

function valued(name: string, sentence: string): ForeignFlag {
  return { ...switched(name, sentence), value: 'VALUE' }
}

function switched(name: string, sentence: string): ForeignFlag {
  return { name, help: "Prometheus', without effect", sentence }
}
