/**
 * The seam of the metrics engine, over each of its implementations: the store of this process, a real Prometheus, a real
 * VictoriaMetrics, and another assay.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startAssay } from '../prometheus/assay-server.ts'
import { peersMissing } from '../support/peers.ts'
import { CASES } from './cases.ts'
import { DEVIATIONS, type Deviation } from './deviations.ts'
import { type EngineBox, embeddedBox, remoteBox } from './engines.ts'
import { startRealPrometheus, startVictoria } from './stores.ts'

const skip = await peersMissing()
const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())

async function overReal(started: ReturnType<typeof startVictoria>): Promise<EngineBox> {
  return stack.use(await remoteBox(stack.use(await started)))
}

async function overAssay(): Promise<EngineBox> {
  const { url } = stack.use(await startAssay('memory', []))
  return stack.use(await remoteBox({ url, flush: async () => {} }))
}

const ENGINES: Readonly<
  Record<
    string,
    {
      readonly open: () => Promise<EngineBox>
      readonly skip?: string | false
      readonly deviations?: readonly Deviation[]
    }
  >
> = {
  embedded: { open: async () => embeddedBox() },
  'remote: assay': { open: overAssay },
  'remote: Prometheus': { open: () => overReal(startRealPrometheus()), skip, deviations: DEVIATIONS.prometheus },
  'remote: VictoriaMetrics': {
    open: () => overReal(startVictoria()),
    skip,
    deviations: DEVIATIONS['victoria-metrics'],
  },
}

for (const [name, { open, skip: missing = false, deviations = [] }] of Object.entries(ENGINES)) {
  let box: Promise<EngineBox> | undefined
  for (const one of CASES) {
    const deviation = deviations.find((listed) => listed.case === one.name)
    const title = deviation === undefined ? one.name : `${one.name} (not here: ${deviation.reason})`
    test(`${name}: ${title}`, { skip: missing }, async () => {
      box ??= open()
      const run = one.run(await box)
      if (deviation === undefined) await run
      else await assert.rejects(run, deviation.shows)
    })
  }
  test(`${name}: every deviation that is listed is one of a case`, () => {
    for (const listed of deviations)
      assert.ok(
        CASES.some((one) => one.name === listed.case),
        listed.case,
      )
  })
}
