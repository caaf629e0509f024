/**
 * What the start-up image holds: `assay serve` of a Prometheus configuration, with all of its rooms loaded. See scripts/build-image.ts.
 *
 * - Evaluated when the image is made, in a process that ends then: nothing of that process may be kept, no file, socket, timer, secret or
 *   random number. Here and in what is loaded, such things are made when they are first asked for.
 * - Functions lie compiled in an image when they have run, so what reads a configuration does so once. What waits for the system cannot:
 *   its requests would be in the image too (Node 26.10 dies of a `node:fs/promises` call).
 * - A definition is code that imports `assay`, which has to be the same one that runs: it is served from the files, as everything else is.
 */
import { parsePrometheusConfig, planOfPrometheus } from '#model'
import { parseRuleFile } from '#rules'
import { parseFlags } from './options.ts'
import { runToExit } from './run.ts'
import { serve } from './serve.ts'
import { SERVE_FLAGS } from './serve-flags.ts'

const CONFIGURATION = `global: { scrape_interval: 15s, external_labels: { site: x } }
scrape_configs:
  - job_name: x
    static_configs: [{ targets: ['127.0.0.1:1'], labels: { a: b } }]
    relabel_configs: [{ source_labels: [a], regex: 'b(.*)', target_label: c, replacement: $1 }]
`
const RULES = `groups:
  - name: x
    rules:
      - { record: 'a:b', expr: 'sum by (job) (rate(x[5m]))' }
      - { alert: A, expr: 'x > 1', for: 5m, labels: { severity: page }, annotations: { summary: '{{ $value }}' } }
`

function warmUp(): void {
  const config = parsePrometheusConfig(CONFIGURATION, 'prometheus.yml', { environment: {} })
  planOfPrometheus(config, parseRuleFile(RULES, 'rules.yml', { defaultIntervalMs: config.evaluationIntervalMs }))
}

/** Begins to serve what `args` ask for, in the words of `assay serve`. `false`: that is for the command itself, and nothing was done. */
function serveFromImage(args: readonly string[]): boolean {
  const [command, ...more] = args
  if (command !== 'serve' || more.includes('--help') || more.includes('-h')) return false
  let parsed: ReturnType<typeof parseFlags>
  try {
    parsed = parseFlags('serve', SERVE_FLAGS, more, process.env)
  } catch {
    return false // the command says what is wrong
  }
  const { values, rest } = parsed
  if (!/\.ya?ml$/.test(rest[0] ?? values.get('config') ?? '')) return false
  void runToExit((signal) => serve(values, rest, signal))
  return true
}

Object.assign(globalThis, { assayServe: serveFromImage })
warmUp()
