/**
 * What the docs say holds: links lead somewhere, tests that are named exist, and complete examples are TypeScript that
 * compiles and a definition that becomes a Plan.
 *
 * - A link is relative and its file is there; with `#place` that file has the heading.
 * - A link to a test has the beginning of the test's name as its text, so that a renamed test is noticed.
 * - A block marked `ts` is a complete file when it imports from 'assay'; all of them are checked by one run of the
 *   compiler, under the flags of the tree, side by side in one folder per page.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { glob, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import type { Plan } from '#model'

const PAGES = ['*.md', 'docs/**/*.md', 'agent/*.md', 'web/*.md']
/** Taken by the test that looks at the demo; not there before it has run once. */
const PICTURES = ['docs/pictures/overview.png', 'docs/pictures/incident.png', 'docs/pictures/part.png']

type Page = { readonly file: string; readonly text: string }
type Link = { readonly page: string; readonly words: string; readonly target: string }
type Example = { readonly file: string; readonly text: string }

async function pages(): Promise<readonly Page[]> {
  const found: Page[] = []
  for await (const file of glob(PAGES)) found.push({ file, text: await readFile(file, 'utf8') })
  return found.toSorted((a, b) => a.file.localeCompare(b.file))
}

/** Links of a page to places in this tree, code left out. */
function linksOf({ file, text }: Page): readonly Link[] {
  const prose = text.replaceAll(/^ *```[\s\S]*?^ *```/gm, '').replaceAll(/(?<!\[)`[^`\n]*`(?!\])/g, '')
  return [...prose.matchAll(/\[((?:[^\]\\]|\\.)*)\]\(([^)\s]+)\)/g)]
    .map(([, words = '', target = '']) => ({ page: file, words, target }))
    .filter(({ target }) => !/^[a-z]+:/.test(target))
}

/** The anchor of a heading, as GitHub makes it. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-')
}

test('every relative link leads to a file, and every anchor to a heading', async () => {
  const broken: string[] = []
  let seen = 0
  for (const page of await pages()) {
    for (const { target } of linksOf(page)) {
      seen++
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? page.file : normalize(join(dirname(page.file), path))
      if (PICTURES.includes(file)) continue
      if (!existsSync(file)) broken.push(`${page.file}: ${target}`)
      else if (anchor !== undefined && file.endsWith('.md')) {
        const headings = [...(await readFile(file, 'utf8')).matchAll(/^#+ (.*)$/gm)].map(([, text = '']) => text)
        if (!headings.some((heading) => anchorOf(heading) === anchor)) broken.push(`${page.file}: ${target}`)
      }
    }
  }
  assert.ok(seen > 20, `only ${seen} links were found`)
  assert.deepEqual(broken, [])
})

test('a test that the docs name exists under that name', async () => {
  const unknown: string[] = []
  let seen = 0
  for (const page of await pages()) {
    for (const { words, target } of linksOf(page)) {
      if (!target.endsWith('.test.ts')) continue
      seen++
      const text = await readFile(join(dirname(page.file), target), 'utf8')
      const names = [...text.matchAll(/\btest\(\s*(['"`])((?:\\.|(?!\1).)*)\1/g)].map(([, , name = '']) => name)
      if (!names.some((name) => name.startsWith(words))) unknown.push(`${page.file}: ${target}: ${words}`)
    }
  }
  assert.ok(seen > 20, `only ${seen} links to tests were found`)
  assert.deepEqual(unknown, [])
})

test('complete examples compile, and each definition becomes a plan', async () => {
  await mkdir('.cache', { recursive: true })
  const directory = await mkdtemp(join('.cache', 'docs-'))
  try {
    const examples = (await pages()).flatMap((page) => examplesOf(page, directory))
    assert.ok(examples.length > 0, 'no complete example was found')
    for (const { file, text } of examples) {
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, text)
    }
    assert.equal(await compile(directory), '')
    for (const { file } of examples.filter(({ text }) => text.includes('export default'))) {
      const { default: plan } = (await import(join(process.cwd(), file))) as { default: Plan }
      assert.ok(plan.parts.length > 0, `${file} defines no parts`)
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})

/** Complete files of a page, each under the name its first line gives (`// receivers.ts`), else by its number. */
function examplesOf({ file, text }: Page, directory: string): readonly Example[] {
  const folder = join(directory, basename(file, '.md'))
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)]
    .map(([, code = '']) => code)
    .filter((code) => /^import [^;]*? from 'assay'$/m.test(code))
    .map((code, i) => ({ file: join(folder, /^\/\/ (\S+\.ts)\n/.exec(code)?.[1] ?? `example-${i}.ts`), text: code }))
}

/** What the compiler says of every file below `directory`; empty when all is right. */
async function compile(directory: string): Promise<string> {
  const project = join(directory, 'tsconfig.json')
  const options = { incremental: false, tsBuildInfoFile: null }
  await writeFile(
    project,
    JSON.stringify({ extends: '../../tsconfig.json', compilerOptions: options, include: ['.'], exclude: [] }),
  )
  const { stdout } = await promisify(execFile)('node_modules/.bin/tsc', ['-p', project, '--pretty', 'false']).catch(
    (error: unknown) => error as { stdout: string },
  )
  return stdout
}
