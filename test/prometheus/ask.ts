/** Asks a server of Prometheus' API one question, and takes the answer as it came. */
import type { Question } from './query-generator.ts'
import { print } from './query-tree.ts'

export type Points = readonly (readonly [number, unknown])[]
export type ResultSeries = {
  readonly metric: Readonly<Record<string, string>>
  readonly value?: readonly [number, string]
  readonly histogram?: readonly [number, unknown]
  readonly values?: Points
  readonly histograms?: Points
}

export type Answer = {
  readonly code: number
  readonly body: {
    readonly status: string
    readonly errorType?: string
    readonly error?: string
    readonly warnings?: readonly string[]
    readonly infos?: readonly string[]
    readonly data?: { readonly resultType: string; readonly result: readonly unknown[] }
  }
}

const TIMEOUT_MS = 60_000

export function textOf({ damaged, tree }: Question): string {
  return damaged ?? print(tree)
}

/** As `query?...` or `query_range?...`, to be read and to be sent. */
export function pathOf(question: Question): string {
  const { start, end, stepMs } = question
  const seconds = (ms: number) => String(ms / 1000)
  return stepMs === undefined
    ? `query?${new URLSearchParams({ query: textOf(question), time: seconds(start) })}`
    : `query_range?${new URLSearchParams({ query: textOf(question), start: seconds(start), end: seconds(end), step: seconds(stepMs) })}`
}

/** Rejects when the server does not answer with JSON within a minute: that is worse than any wrong answer. */
export async function ask(url: string, question: Question): Promise<Answer> {
  const [path = '', body = ''] = pathOf(question).split(/\?(.*)/s)
  const response = await fetch(`${url}/api/v1/${path}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  const text = await response.text()
  try {
    return { code: response.status, body: JSON.parse(text) as Answer['body'] }
  } catch (cause) {
    throw new Error(`${url} answers ${response.status} with what is no JSON: ${text.slice(0, 200)}`, { cause })
  }
}
