/** Questions nobody would ask: any path with any parameters, each of values that are right somewhere. The same seed, the same questions. */
import { Random } from '../prometheus/random.ts'
import type { Request } from './requests.ts'

type Choice = readonly string[]

const EXPRESSIONS: Choice = [
  ...['written', 'written{series="a"}', 'native', 'up', 'sum(written) by (series)', 'rate(written[1m])', 'written[1m]'],
  ...['1', '"text"', 'vector(1)', '-1/0', 'written offset 15s', 'written @ {at}', 'max_over_time(written[1m:15s])'],
  ...['histogram_quantile(0.9, native)', 'absent(none)', 'none', 'topk(1, written)', 'written * on (series) written'],
  ...[
    '',
    '(',
    'up{',
    'written[',
    'sum(',
    '{}',
    'up{a=~"("}',
    'foo(1)',
    'written + on () written',
    '1 +',
    '"x',
    'up[5m',
  ],
]
const TIMES: Choice = [
  ...[
    '{at}',
    '{at+15}',
    '{at+30}.5',
    '{at-100000}',
    '2026-01-02T03:04:05Z',
    '2026-01-02T03:04:05.123456789+02:00',
    '0',
    '-1.5',
  ],
  ...['', 'x', '1e3', '1_000', '0x1p4', '2026-01-02', '1 ', '2026-02-30T00:00:00Z', '+5', '.5', '5.', '1e', '٣'],
]
const SPANS: Choice = [
  '15',
  '15s',
  '1m',
  '1h30m',
  '0.5',
  '',
  'x',
  '0',
  '-1',
  '-5m',
  '1d1h',
  '5m5m',
  '1e300',
  '1.5m',
  '0s',
  '100y',
  '300y',
  '1ms',
]
const LIMITS: Choice = ['1', '2', '0', '1000', '', 'x', '-1', '1e3', '99999999999999999999', '+1', ' 1', '0x1']
const SELECTORS: Choice = [
  ...['written', 'native', 'up', '{series="a"}', '{__name__=~"w.*"}', '{"with.dots"}', 'none', 'written{series!="a"}'],
  ...['', '{}', '{a=""}', '{a=~".*"}', 'up[5m]', 'up{', '1', 'sum(up)', '"x"', 'up offset 5m', '{series=~"("}'],
]
const WORDS: Choice = [
  '',
  'true',
  'false',
  'TRUE',
  '1',
  '0',
  'all',
  'x',
  'alert',
  'record',
  'first',
  'page',
  'requests',
  'written',
  'any',
  'ACTIVE',
  'dropped',
]

/** Values by parameter; those that no path knows are there too. */
const PARAMETERS: Readonly<Record<string, Choice>> = {
  query: EXPRESSIONS,
  time: TIMES.filter((one) => one !== ''),
  start: TIMES,
  end: TIMES,
  step: SPANS,
  // Deadlines that have passed are told apart by where they are found, there: `DIFFERENCES`.
  timeout: ['10s', '1m', '', 'x', '5', '1h', '1e300', '-5m'],
  lookback_delta: SPANS.filter((one) => one !== '100y'),
  limit: LIMITS,
  limit_per_metric: LIMITS,
  'match[]': SELECTORS,
  match_target: ['{job="page"}', '{}', '{', '{job="none"}', 'page', ''],
  metric: WORDS,
  type: WORDS,
  state: WORDS,
  scrapePool: WORDS,
  exclude_alerts: WORDS,
  'rule_name[]': ['Pending', 'none', ''],
  'rule_group[]': ['first', 'second', 'none', ''],
  'file[]': ['none', ''],
  group_limit: LIMITS,
  group_next_token: ['', 'x'],
  stats: ['', 'true'],
  nothing: WORDS,
}

const PATHS: Readonly<Record<string, Choice>> = {
  query: ['query', 'time', 'timeout', 'lookback_delta', 'limit', 'stats'],
  query_range: ['query', 'start', 'end', 'step', 'timeout', 'limit', 'lookback_delta', 'stats'],
  query_exemplars: ['query', 'start', 'end'],
  format_query: ['query'],
  parse_query: ['query'],
  series: ['match[]', 'start', 'end', 'limit'],
  labels: ['match[]', 'start', 'end', 'limit'],
  'label/series/values': ['match[]', 'start', 'end', 'limit'],
  'label/__name__/values': ['match[]', 'start', 'end', 'limit'],
  'label/U__with_2e_dots/values': ['match[]', 'limit'],
  metadata: ['metric', 'limit', 'limit_per_metric'],
  targets: ['state', 'scrapePool'],
  'targets/metadata': ['match_target', 'metric', 'limit'],
  scrape_pools: [],
  alertmanagers: [],
  rules: [
    'type',
    'rule_name[]',
    'rule_group[]',
    'file[]',
    'match[]',
    'exclude_alerts',
    'group_limit',
    'group_next_token',
  ],
  alerts: [],
  'status/walreplay': [],
  notifications: [],
}
const BY_POST = new Set(['query', 'query_range', 'query_exemplars', 'format_query', 'parse_query', 'series', 'labels'])

export function randomRequest(seed: number): Request {
  const random = new Random(seed)
  const path = random.pick(Object.keys(PATHS))
  const pairs: [string, string][] = []
  const add = (name: string) => pairs.push([name, random.pick(PARAMETERS[name] ?? WORDS)])
  for (const name of PATHS[path] ?? []) {
    // What must be there mostly is, or every second answer would be that it is not.
    const needed = ['query', 'start', 'end', 'step', 'match[]'].includes(name)
    // Without it, each would be asked of its own now.
    if (name === 'time' || random.chance(needed ? 0.9 : 0.25)) add(name)
    if (name.endsWith('[]') && random.chance(0.2)) add(name)
  }
  if (random.chance(0.1)) add(random.pick(Object.keys(PARAMETERS)))
  const text = new URLSearchParams(pairs)
    .toString()
    .replaceAll(/%7B(at(?:%2B\d+|-\d+)?)%7D/g, (_, at: string) => `{${decodeURIComponent(at)}}`)
  if (!BY_POST.has(path) || random.chance(0.5)) return { path: `/api/v1/${path}${text === '' ? '' : `?${text}`}` }
  return {
    path: `/api/v1/${path}`,
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: text,
  }
}
