/**
 * Builds what `@assay/agent` is published as: files of CommonJS, which ES modules import through a thin wrapper.
 *
 *     index.cjs            asks whether the agent is on: then what starts with the application; else off.cjs, which is nothing
 *     parts/*.cjs          what the sources `load` when it is met: the signals, each framework, each library
 *     chunks/*.cjs         what several of these need, and what the first scrape, a cluster or counted users need
 *     assay-agent-thread.cjs   the thread that serves the pages
 *     index.js             the same for `import`: one agent however the application is written
 *     *.d.ts, *.d.cts      the types for both
 *
 * - CommonJS, because `require` and `import` can both load it on every Node from 20 on, at once and only once; and it loads faster: an
 *   import of a built-in module asks it for all of its exports, the rarely used ones too.
 * - `npm pack` runs it (agent/package.json, prepack); the tree runs the sources by the condition assay-src.
 */
import { execFile } from 'node:child_process'
import { appendFile, glob, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'vite'

process.chdir(join(import.meta.dirname, '..'))

const SOURCE = 'agent/src'
const OUT = 'agent/dist'
const ROUTES = `${SOURCE}/http/routes/`
/** Of a name that no application has: bundled into one, the agent looks for it beside that one's files, and would start what it finds. */
const THREAD = 'assay-agent-thread'
/** Beside the thread these are the package's `exports`. */
const ENTRIES = ['index', 'prom-client/index', 'prom-client/register'] as const

/** How the sources load a file when it is needed: `const load = createRequire(import.meta.url)`. */
const LOADER = /^const load = createRequire\(import\.meta\.url\)\n/m
const LOADED = /\bload\('([^']+)'\)/g
/** In a declaration, with its comment. */
const MODULE_EXPORTS = /(?:\/\*\*[^\n]*\*\/\n)?export \{ \w+ as 'module\.exports' \};?\n/
/** Stands for `require` until the bundler is through, which would take the file in at once. */
const REQUIRE = '__assay_require'

/** Where PM2 sets the environment only afterwards, the agent asks once more when the first server listens. */
const entry = (on: string): string => `'use strict'
if (/^(off|0|false|no)$/i.test(process.env.ASSAY_AGENT ?? '')) module.exports = require('./off.cjs')
else {
${on}
}
`

const fresh = `${OUT}.${process.pid}`
try {
  await bundle(fresh)
  await writeFile(`${fresh}/index.cjs`, entry(await readFile(`${fresh}/index.cjs`, 'utf8')))
  await declarations(fresh)
  for (const name of ENTRIES) await wrapForImport(fresh, name)
  await rm(OUT, { recursive: true, force: true })
  await rename(fresh, OUT)
} finally {
  await rm(fresh, { recursive: true, force: true })
}

async function bundle(out: string): Promise<void> {
  const parts = await loadedParts()
  const named = [...ENTRIES, 'off', 'exposition/thread'].map((name) => [
    name.replace('exposition/thread', THREAD),
    `${SOURCE}/${name}.ts`,
  ])
  const inputs = [...named, ...parts.map((file) => [nameOfPart(file), file])]
  // One file for each: a further one is found, opened and wrapped for itself. In this order: each has what those before it do not.
  const chunks = [
    // Without index.ts itself: the thread that serves the pages shares this chunk, and must not begin to measure.
    { name: 'start', files: (await importedBy(`${SOURCE}/index.ts`)).difference(new Set([`${SOURCE}/index.ts`])) },
    // All frameworks in one: a service has one of them, and to find and open a file takes as long as to read them all.
    {
      name: 'routes',
      files: new Set(
        (await Promise.all(parts.filter((file) => file.startsWith(ROUTES)).map((file) => importedBy(file)))).flatMap(
          (files) => [...files],
        ),
      ),
    },
    // With what libraries and requests need beside it.
    {
      name: 'store',
      files: new Set([
        ...(await importedBy(`${SOURCE}/store/index.ts`)),
        `${SOURCE}/monotonic.ts`,
        `${SOURCE}/http/bounds.ts`,
      ]),
    },
    { name: 'signals', files: await importedBy(`${SOURCE}/signals.ts`) },
  ]
  const here = process.cwd()
  await build({
    configFile: false,
    logLevel: 'error',
    plugins: [
      {
        name: 'published-names',
        enforce: 'pre',
        transform: (code: string, id: string) => ({ code: publishedNames(code, relative(here, id)), map: null }),
      },
    ],
    ssr: { resolve: { conditions: ['assay-src', 'node', 'import', 'default'] }, noExternal: true },
    build: {
      ssr: true,
      target: 'node20',
      minify: false,
      outDir: out,
      rolldownOptions: {
        input: Object.fromEntries(inputs),
        // What chunks need of each other stays out of what the package exports.
        preserveEntrySignatures: 'strict',
        output: {
          // Half the text is half the time to read it at the start. Names of functions stay, so that a stack in a report can be read.
          format: 'cjs',
          // So that a part that lies in a chunk is taken from there by its own names.
          minifyInternalExports: false,
          minify: { compress: true, mangle: { keepNames: true }, codegen: true },
          entryFileNames: '[name].cjs',
          codeSplitting: {
            groups: chunks.map(({ name, files }, i) => ({
              name,
              priority: chunks.length - i,
              test: (id: string) => files.has(relative(here, id)),
            })),
          },
          chunkFileNames: 'chunks/[name]-[hash].cjs',
        },
      },
    },
  })
  const places = await placesOfParts(out)
  for await (const file of glob('**/*.cjs', { cwd: out })) {
    const text = await readFile(join(out, file), 'utf8')
    const up = '../'.repeat(file.split('/').length - 1) || './'
    const pattern = new RegExp(`${REQUIRE}\\(([\`'"])(.*?)\\1\\)`, 'g')
    const found = (_all: string, _quote: string, what: string): string =>
      `require("${what.startsWith('node:') ? what : `${up}${places.get(what) ?? `${what}.cjs`}`}")`
    if (text.includes(REQUIRE))
      await writeFile(join(out, file), text.replace(pattern, found).replaceAll(`${REQUIRE}.cache`, 'require.cache'))
  }
}

/** Parts that only hand on what a chunk has: they go, and who loads them loads the chunk. */
async function placesOfParts(out: string): Promise<ReadonlyMap<string, string>> {
  const places = new Map<string, string>()
  const whole =
    /^Object\.defineProperty\(exports,Symbol\.toStringTag,\{value:`Module`\}\);const (\w+)=require\("\.\.\/(chunks\/[^"]+)"\);([^;]*);\s*$/
  for await (const file of glob('parts/*.cjs', { cwd: out })) {
    const [, name = '', chunk, given = ''] = whole.exec(await readFile(join(out, file), 'utf8')) ?? []
    if (chunk === undefined || !given.split(',').every((one) => isHandedOn(one, name))) continue
    places.set(file.replace(/\.cjs$/, ''), chunk)
    await rm(join(out, file))
  }
  return places
}

/** `exports.Store=e.Store` */
function isHandedOn(assignment: string, from: string): boolean {
  const [to = '', value = ''] = assignment.split('=')
  return to.replace(/^exports\./, `${from}.`) === value
}

/** The files that sources load when they are needed. */
async function loadedParts(): Promise<string[]> {
  const parts = new Set<string>()
  for await (const file of glob(`${SOURCE}/**/*.ts`)) {
    if (/\.test(?:-support)?\.ts$|\/(?:testdata|test-support)\//.test(file)) continue
    const text = await readFile(file, 'utf8')
    if (!LOADER.test(text)) continue
    for (const [, what = ''] of text.matchAll(LOADED)) if (what.startsWith('.')) parts.add(join(dirname(file), what))
  }
  return [...parts].sort()
}

function nameOfPart(file: string): string {
  if (file === `${SOURCE}/off.ts`) return 'off'
  return `parts/${relative(SOURCE, file).replace(/\.ts$/, '').replaceAll('/', '-')}`
}

/** A file and all that it imports, and they, at once. */
async function importedBy(file: string, seen = new Set<string>()): Promise<Set<string>> {
  if (seen.has(file)) return seen
  seen.add(file)
  const imports = /^(?:import|export) (?!type\b)(?:[^'\n]*|\{[^}]*\}) ?from '(\.[^']+)'|^import '(\.[^']+)'/gm
  for (const [, from, bare] of (await readFile(file, 'utf8')).matchAll(imports))
    await importedBy(join(dirname(file), from ?? bare ?? ''), seen)
  return seen
}

/** Where the sources name a file, or wait for one as CommonJS cannot. */
function publishedNames(source: string, file: string): string {
  const code = source
    .replace(LOADER, '')
    // Else it stays, for what it might do when it is imported.
    .replace(LOADER.test(source) ? /^import \{ createRequire \} from 'node:module'\n/m : '', '')
    .replace(LOADED, (_all, what: string) =>
      LOADER.test(source)
        ? `${REQUIRE}('${what.startsWith('.') ? nameOfPart(join(dirname(file), what)) : what}')`
        : _all,
    )
    .replaceAll('load.cache', LOADER.test(source) ? `${REQUIRE}.cache` : 'load.cache')
  const older = /const \{ answerRequires \} = await import\('\.\/register-older-node\.ts'\)\n/
  const named = code
    // The chunk that starts it lies one folder below.
    .replace("'./thread.ts'", `'../${THREAD}.cjs'`)
    // Answered to `require` and `import` alike.
    .replace("import.meta.url.endsWith('.ts') ? './index.ts' : './index.js'", "'./index.cjs'")
  return older.test(named)
    ? `import { answerRequires } from './register-older-node.ts'\n${named.replace(older, '')}`
    : named
}

/** By TypeScript itself; the same again for CommonJS, where a declaration file has to have the extension of what it declares. */
async function declarations(out: string): Promise<void> {
  const tsc = createRequire(import.meta.url)
    .resolve('typescript/package.json')
    .replace(/package\.json$/, 'bin/tsc')
  // Whether types are right is asked by `npm run types`, not here.
  const options = ['-p', 'agent/tsconfig.build.json', '--emitDeclarationOnly', '--noCheck', '--outDir', `${out}/types`]
  await promisify(execFile)(process.execPath, [tsc, ...options])
  for await (const file of glob('**/*.d.ts', { cwd: `${out}/types` })) {
    // What `require` is to give is no matter of types, and TypeScript before 5.6 cannot read a name that is a text.
    const text = (await readFile(`${out}/types/${file}`, 'utf8')).replace(MODULE_EXPORTS, '')
    const imports = /(from |import\()(['"])(\.[^'"]*?)\.(?:ts|js)\2/g
    await write(`${out}/${file}`, text.replace(imports, '$1$2$3.js$2'))
    await write(`${out}/${file.replace(/\.d\.ts$/, '.d.cts')}`, text.replace(imports, '$1$2$3.cjs$2'))
  }
  await rm(`${out}/types`, { recursive: true })
}

/** `import { counter } from '@assay/agent'` is the very function that `require` gives. */
async function wrapForImport(out: string, entry: string): Promise<void> {
  const path = join(process.cwd(), out, `${entry}.cjs`)
  // As an ES module says it what `require` is to give.
  if (
    (await readFile(path, 'utf8')).includes("'module.exports'") ||
    (await readFile(path, 'utf8')).includes('"module.exports"')
  ) {
    await appendFile(path, 'module.exports = module.exports["module.exports"];\n')
  }
  const loaded: unknown = createRequire(import.meta.url)(path)
  const names = Object.keys(loaded as object).filter((name) => name !== 'default' && name !== '__esModule')
  const file = `${entry.split('/').at(-1)}.cjs`
  const lines = [
    `import whole from './${file}'`,
    ...(names.length === 0 ? [] : [`export const { ${names.join(', ')} } = whole`]),
    ...(names.length === 0 ? [] : ['export default whole']),
  ]
  await write(`${out}/${entry}.js`, `${lines.join('\n')}\n`)
}

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text)
}
