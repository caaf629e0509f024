/** Reads views of a store in a thread of its own: see store-mirror.integration.test.ts. */
import { parentPort } from 'node:worker_threads'
import { matcher, unixMs } from '#core'
import { StoreMirror, type StoreView } from '../../index.ts'

export type Looked = { readonly series: number; readonly counts: readonly number[]; readonly lasts: readonly number[] }

const mirror = new StoreMirror()
parentPort!.on('message', async (view: StoreView) => {
  try {
    using adopted = await mirror.adopt(view)
    using querier = adopted.querier(unixMs(0), unixMs(2 ** 50))
    const counts = new Set<number>()
    const lasts = new Set<number>()
    const found = querier.select([matcher('__name__', '=', 'm')])
    for (const { samples } of found) {
      const { values, count } = samples()
      counts.add(count)
      lasts.add(values[count - 1]!)
      for (let i = 1; i < count; i++)
        if (values[i] !== values[i - 1]! + 1) throw new Error(`${values[i]} after ${values[i - 1]}`)
    }
    parentPort!.postMessage({ series: found.length, counts: [...counts], lasts: [...lasts] } satisfies Looked)
  } catch (error) {
    parentPort!.postMessage(error)
  }
})
