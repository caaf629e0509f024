/**
 * Makes the start-up image of `assay serve`: the heap of a process that has loaded everything, in one file that a start maps instead of
 * loading 30 (decision 0021).
 *
 * - Node's start-up snapshots take one script of CommonJS without `import()`, and no module that holds something of the system. So the
 *   server is bundled once more, and image-runtime.ts stands for such modules and for packages that stay outside.
 * - The image is of the very Node that made it; `image.node` says which, and how long it is. `bin/assay` asks before it uses one.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { build, type InlineConfig } from 'vite'
import { asciiCode } from './ascii-code.ts'
import { imageRuntime } from './image-runtime.ts'

/** Node's modules that may lie in an image: they hold nothing of a process. What is not here is loaded by the process that runs. */
const HELD = new Set(
  'assert async_hooks buffer diagnostics_channel events fs fs/promises os path perf_hooks process stream string_decoder timers timers/promises url util zlib'.split(
    ' ',
  ),
)
/** Calls while modules are loaded that are wanted in each process. */
const REPEATED = ['node:v8.setFlagsFromString']

/** Behind the code: no thread could start in a process whose image holds Node's streams of the system, it would end with an assertion. */
const CHECK = `
if (process.moduleLoadList.includes("Internal Binding stream_wrap")) throw new Error("something that is loaded opens a stream");
`

const PROGRAM = `// Goes on where the image ends; what that does not serve is run from the files.
globalThis.assayImage.begin(__filename, (name) => import(name));
if (!globalThis.assayServe(process.argv.slice(2))) import("./main.js");
`

/** Code for an image. Throws when there is something in it that would go wrong only later. */
export function imageCode(code: string, external: readonly string[]): string {
  const stays = (name: string) => HELD.has(name.replace(/^node:/, ''))
  const changed = asciiCode(code)
    .replace(/\brequire\((["'`])([^"'`]+)\1\)/g, (call, _, name: string) =>
      (isBuiltin(name) && !stays(name)) || external.includes(name)
        ? `assayImage.module(${JSON.stringify(name)})`
        : call,
    )
    .replace(/(?<![\w$.])import\((?=["'`(])/g, 'assayImage.import(')
    .replace(/\b__filename\b/g, 'assayImage.file')
  // It would copy what a module has when the image is made: nothing.
  const copied = /__toESM\(assayImage\.module\([^)]*\)/.exec(changed)
  if (copied !== null) throw new Error(`${copied[0]}: import its names and not the whole module`)
  return `const assayImage = globalThis.assayImage = (${imageRuntime.toString()})(__filename, ${JSON.stringify(REPEATED)});\n${changed}${CHECK}`
}

/** Makes the image of a bundle in its directory `out`, which has its last name already. Rejects with what went wrong; then there is none. */
export async function buildImage(out: string, settings: InlineConfig, external: readonly string[]): Promise<void> {
  await build({
    ...settings,
    build: {
      ...settings.build,
      outDir: `${out}/cli`,
      emptyOutDir: false,
      rolldownOptions: {
        input: { image: 'src/cli/image.ts' },
        output: {
          format: 'cjs',
          codeSplitting: false,
          minify: { compress: false, mangle: false, codegen: true },
          entryFileNames: '[name].cjs',
        },
      },
    },
  })
  const file = `${out}/cli/image.cjs`
  const blob = `${out}/image.blob`
  await writeFile(file, imageCode(await readFile(file, 'utf8'), external))
  await writeFile(`${out}/cli/from-image.cjs`, PROGRAM)
  const said = `${out}/image.log`
  try {
    const args = [
      '--no-warnings',
      '--max-semi-space-size=4',
      '--snapshot-blob',
      `${blob}.tmp`,
      '--build-snapshot',
      file,
    ]
    // Into a file: Node opens a stream to whatever else it writes to, and that is one of the things that an image may not hold.
    await using log = await open(said, 'w')
    const [code] = await once(spawn(process.execPath, args, { stdio: ['ignore', log.fd, log.fd] }), 'close')
    if (code !== 0) throw new Error(`the image was not made: ${(await readFile(said, 'utf8')).slice(0, 2000)}`)
    const { size } = await stat(`${blob}.tmp`)
    await writeFile(`${out}/image.node`, `${process.versions.node} ${size}\n`)
    await rename(`${blob}.tmp`, blob)
  } finally {
    await rm(`${blob}.tmp`, { force: true })
    await rm(said, { force: true })
  }
}
