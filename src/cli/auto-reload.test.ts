import assert from 'node:assert/strict'
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ManualClock, unixMs } from '#core'
import { autoReload } from './auto-reload.ts'

/** Ticks when the watcher has done with the tick before: each step comes between two looks at the files. */
class SteppedClock extends ManualClock {
  readonly #steps: readonly (() => Promise<void>)[]

  constructor(steps: readonly (() => Promise<void>)[]) {
    super(0)
    this.#steps = steps
  }

  override async *ticks() {
    for (const step of this.#steps) {
      await step()
      yield unixMs(0)
    }
  }
}

test('a changed file is read anew once, a touched one is not, a lost one is a change', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'assay-auto-reload-'))
  const file = join(directory, 'prometheus.yml')
  await writeFile(file, 'a: 1')
  const reloads: string[] = []
  let step = 'nothing'
  const next = (name: string, change: () => Promise<void>) => async () => {
    step = name
    await change()
  }
  const clock = new SteppedClock([
    next('nothing', async () => {}),
    next('touched', () => utimes(file, 1, 1)),
    next('changed', () => writeFile(file, 'a: 2')),
    next('nothing', async () => {}),
    next('lost', () => rm(file)),
    next('nothing', async () => {}),
  ])
  await autoReload(
    { clock, everyMs: 1000, files: async () => [file], reload: async () => void reloads.push(step) },
    new AbortController().signal,
  )
  assert.deepEqual(reloads, ['changed', 'lost'])
  await rm(directory, { recursive: true, force: true })
})
