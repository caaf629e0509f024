import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { temporaryDir, until } from '../testing.ts'
import { startMailSink } from './smtp.ts'

/** Speaks the lines of a client one after the other, each after an answer; returns all answers. */
async function converse(port: number, lines: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let answers = ''
  const left = [...lines]
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('close', () => resolve())
    socket.on('data', (chunk: Buffer) => {
      answers += chunk.toString('utf8')
      // `250-...` goes on, `250 ...` ends an answer.
      if (!/^\d{3} [^\n]*\n$/m.test(chunk.toString('utf8').split('\n').slice(-2).join('\n'))) return
      const next = left.shift()
      if (next !== undefined) socket.write(`${next}\r\n`)
    })
  })
  return answers
}

const mail = (subject: string) =>
  `From: assay <a@workshop.example>\r\nTo: d@workshop.example\r\nSubject: ${subject}\r\n\r\nMES is slow.\r\n.`
const envelope = (subject: string) => [
  'EHLO me',
  'MAIL FROM:<a@workshop.example>',
  'RCPT TO:<d@workshop.example>',
  'DATA',
  mail(subject),
  'QUIT',
]

test('a mail over SMTP becomes a file and can be read, newest first, also by the next start', async () => {
  using dir = temporaryDir()
  {
    await using sink = await startMailSink({ dir: dir.path, port: 0 })
    const answers = await converse(sink.port, envelope('first'))
    assert.doesNotMatch(answers, /STARTTLS/, 'what is not there is not offered')
    await converse(sink.port, envelope('second'))
    const mails = await until('both are there', async () => {
      const found = await sink.mails()
      return found.length === 2 ? found : undefined
    })
    assert.deepEqual(
      mails.map(({ subject }) => subject),
      ['second', 'first'],
    )
    assert.equal(mails[0]?.from, 'a@workshop.example')
    assert.deepEqual(mails[0]?.to, ['d@workshop.example'])
    assert.match(mails[0]?.text ?? '', /MES is slow\./)
    assert.ok(Date.now() - Date.parse(mails[0]?.receivedAt ?? '') < 60_000)
  }
  await using again = await startMailSink({ dir: dir.path, port: 0 })
  assert.equal((await again.mails()).length, 2)
})
