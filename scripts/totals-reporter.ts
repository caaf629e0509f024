/** Counts leaf tests for the last line of `npm test`. A skipped test counts as neither. */
type Event = {
  readonly type: string
  readonly data: { readonly details?: { readonly type?: string }; readonly skip?: unknown; readonly todo?: unknown }
}

export default async function* totals(source: AsyncIterable<Event>): AsyncGenerator<string> {
  let passed = 0
  let failed = 0
  for await (const { type, data } of source) {
    if (data?.details?.type === 'suite' || (data?.skip !== undefined && data.skip !== false)) continue
    if (type === 'test:pass') passed++
    else if (type === 'test:fail') failed++
  }
  yield JSON.stringify({ passed, failed })
}
