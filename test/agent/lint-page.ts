/** What promtool says of a page, without what is meant. */
import { checkMetrics } from '../support/prometheus3.ts'

/** What the linter says that is meant: metric name, its words, why. */
const LINTS: readonly { readonly metric: RegExp; readonly says: RegExp; readonly why: string }[] = [
  {
    metric: /^nodejs_active_(resources|handles|requests)_total$/,
    says: /_total/,
    why: 'prom-client has named these gauges so, and dashboards ask for them',
  },
  {
    metric: /^db_client_connection_count$/,
    says: /"_count" suffix/,
    why: "it is OpenTelemetry's name (db.client.connection.count), and dashboards ask for it",
  },
]

export async function lintPage(page: string): Promise<string[]> {
  const { stdout, stderr } = await checkMetrics(page)
  const said = `${stdout}${stderr}`.split('\n').filter((line) => line !== '')
  return said.filter((line) => {
    const [metric = '', ...words] = line.split(' ')
    return !LINTS.some((lint) => lint.metric.test(metric) && lint.says.test(words.join(' ')))
  })
}
