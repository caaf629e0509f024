/**
 * Bundles what `assay serve` loads, when its sources have changed since the last time: 30 files instead of 1,000.
 *
 * A convenience of the tree: without it, or with sources that are newer, `bin/assay` runs the sources themselves. Packages with native
 * code, and those that are loaded when they are asked for, stay outside.
 */
import { createHash } from 'node:crypto'
import { glob, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { build } from 'vite'

const OUT = '.cache/serve'
const STAMP = `${OUT}/.built-from`

const hash = createHash('sha256')
const sources = ['package-lock.json', 'scripts/build-server.ts']
for await (const file of glob('src/**/*.ts')) if (!/\.test(-support)?\.ts$/.test(file)) sources.push(file)
for (const file of sources.toSorted()) hash.update(file).update(await readFile(file))
const digest = hash.digest('hex')

const began = new Date()
if ((await readFile(STAMP, 'utf8').catch(() => '')) !== digest) {
  const fresh = `${OUT}.${process.pid}`
  try {
    await build({
      configFile: false,
      logLevel: 'error',
      ssr: {
        resolve: { conditions: ['assay-src', 'node', 'import', 'default'] },
        noExternal: true,
        external: ['@aws-sdk/client-s3', 'bcryptjs', 'nodemailer', 'pg', 'snappy', 'socks'],
      },
      build: {
        ssr: true,
        target: 'node24',
        minify: false,
        outDir: fresh,
        rolldownOptions: {
          // Where the emitted JavaScript of the package has them, as seen from each other.
          input: {
            index: 'src/index.ts',
            'cli/main': 'src/cli/main.ts',
            'cli/query-thread': 'src/cli/query-thread.ts',
            'cli/bcrypt-worker': 'src/server/http/bcrypt-worker.ts',
          },
          output: { entryFileNames: '[name].js', chunkFileNames: 'cli/[name]-[hash].js' },
        },
      },
    })
    await writeFile(`${fresh}/package.json`, '{"type":"module"}\n')
    await writeFile(`${fresh}/.built-from`, digest)
    // `bin/assay` compares times: what was changed meanwhile is newer.
    await utimes(`${fresh}/.built-from`, began, began)
    await rm(OUT, { recursive: true, force: true })
    await rename(fresh, OUT)
  } catch (error) {
    await rm(fresh, { recursive: true, force: true })
    process.stderr.write(`assay serve is not bundled and starts more slowly: ${String(error)}\n`)
  }
}
