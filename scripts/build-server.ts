/**
 * Bundles what `assay serve` loads, when its sources have changed since the last time: 30 files instead of 1,000.
 *
 * A convenience of the tree: without it, or with sources that are newer, `bin/assay` runs the sources themselves. Packages with native
 * code, and those that are loaded when they are asked for, stay outside.
 */
import { createHash } from 'node:crypto'
import { glob, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { build, type InlineConfig } from 'vite'
import { asciiCode } from './ascii-code.ts'
import { buildImage } from './build-image.ts'

const OUT = '.cache/serve'
const STAMP = `${OUT}/.built-from`

/**
 * Takes Node's own modules by `process.getBuiltinModule` instead of `import`. An import asks a module for each of its exports, and those
 * of `node:http` load a whole second HTTP client, which nobody uses: 110 ms of CPU instead of 11 on a busy machine, and 6 MiB.
 */
function takeBuiltins(code: string): string {
  return code.replace(/^import (?:(.+?) from )?"([^".][^"]*)";$/gm, (line, what: string | undefined, from: string) => {
    if (!isBuiltin(from)) return line
    const taken = `process.getBuiltinModule(${JSON.stringify(from)})`
    const [, first, names] = /^(\w+|\* as \w+)?(?:, )?(?:\{(.*)\})?$/.exec(what ?? '') ?? []
    const wanted = (names ?? '').split(',').flatMap((one) => {
      const [name = '', as = name] = one.trim().split(' as ')
      return name === '' ? [] : [{ name, as }]
    })
    const whole = [
      ...(first === undefined ? [] : [first.replace('* as ', '')]),
      ...wanted.filter(({ name }) => name === 'default').map(({ as }) => as),
    ]
    const parts = wanted
      .filter(({ name }) => name !== 'default')
      .map(({ name, as }) => (name === as ? name : `${name}: ${as}`))
    return [
      ...whole.map((name) => `const ${name} = ${taken};`),
      ...(parts.length === 0 ? [] : [`const { ${parts.join(', ')} } = ${taken};`]),
    ].join(' ')
  })
}

/** The web framework names HTTP/2 at its beginning and we never use it: its modules are loaded by whoever asks for something of them. */
function deferHttp2(code: string): string {
  const lazily = 'new Proxy({}, { get: (_, key) => process.getBuiltinModule("node:http2")[key] })'
  return code.replace('var http2 = __require("node:http2");', `var http2 = ${lazily};`)
}

const hash = createHash('sha256')
const sources = [
  'package-lock.json',
  ...['build-server', 'build-image', 'image-runtime', 'ascii-code'].map((name) => `scripts/${name}.ts`),
]
for await (const file of glob('src/**/*.ts')) if (!/\.test(-support)?\.ts$/.test(file)) sources.push(file)
for (const file of sources.toSorted()) hash.update(file).update(await readFile(file))
const digest = hash.digest('hex')

const EXTERNAL = ['@aws-sdk/client-s3', 'bcryptjs', 'nodemailer', 'pg', 'snappy', 'socks']
const SETTINGS: InlineConfig = {
  configFile: false,
  logLevel: 'error',
  ssr: {
    resolve: { conditions: ['assay-src', 'node', 'import', 'default'] },
    noExternal: true,
    external: EXTERNAL,
  },
  // Names stay: stacks of errors are read. Blanks and comments do not: their text would be kept in memory.
  build: { ssr: true, target: 'node24', minify: false },
}

const began = new Date()
if ((await readFile(STAMP, 'utf8').catch(() => '')) !== digest) {
  const fresh = `${OUT}.${process.pid}`
  try {
    await build({
      ...SETTINGS,
      plugins: [
        { name: 'take-builtins', renderChunk: (code) => ({ code: deferHttp2(takeBuiltins(code)), map: null }) },
        {
          name: 'ascii-code',
          generateBundle(_, bundle) {
            for (const one of Object.values(bundle)) if (one.type === 'chunk') one.code = asciiCode(one.code)
          },
        },
      ],
      build: {
        ...SETTINGS.build,
        outDir: fresh,
        rolldownOptions: {
          // Where the emitted JavaScript of the package has them, as seen from each other.
          input: {
            index: 'src/index.ts',
            'cli/main': 'src/cli/main.ts',
            'cli/query-thread': 'src/cli/query-thread.ts',
            'cli/bcrypt-worker': 'src/server/http/bcrypt-worker.ts',
          },
          output: {
            minify: { compress: false, mangle: false, codegen: true },
            entryFileNames: '[name].js',
            chunkFileNames: 'cli/[name]-[hash].js',
          },
        },
      },
    })
    await writeFile(`${fresh}/package.json`, '{"type":"module"}\n')
    await rm(OUT, { recursive: true, force: true })
    await rename(fresh, OUT)
    await buildImage(OUT, SETTINGS, EXTERNAL).catch((error: unknown) => {
      process.stderr.write(`assay serve has no start-up image and starts more slowly: ${String(error)}\n`)
    })
    await writeFile(STAMP, digest)
    // `bin/assay` compares times: what was changed meanwhile is newer.
    await utimes(STAMP, began, began)
  } catch (error) {
    await rm(fresh, { recursive: true, force: true })
    process.stderr.write(`assay serve is not bundled and starts more slowly: ${String(error)}\n`)
  }
}
