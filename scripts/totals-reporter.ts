/** Counts leaf tests for the last line of `npm test`. A skipped test counts as neither. */
type TestData = { readonly details?: { readonly type?: string | undefined }; readonly skip?: unknown }
type Event = { readonly type: string; readonly data: TestData }

export function countsAsTest({ details, skip }: TestData): boolean {
  return details?.type !== 'suite' && (skip === undefined || skip === false)
}

export default async function* totals(source: AsyncIterable<Event>): AsyncGenerator<string> {
  let passed = 0
  let failed = 0
  for await (const { type, data } of source) {
    if (type === 'test:pass' && countsAsTest(data)) passed++
    else if (type === 'test:fail' && countsAsTest(data)) failed++
  }
  yield JSON.stringify({ passed, failed })
}
