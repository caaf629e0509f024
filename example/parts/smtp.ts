/**
 * A mail server that delivers to files: what assay sends arrives over real SMTP and can be read afterwards.
 *
 * It keeps the newest MAX_MAILS, each at most MAX_MAIL_BYTES.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import PostalMime from 'postal-mime'
import { SMTPServer } from 'smtp-server'

const MAX_MAILS = 1000
const MAX_MAIL_BYTES = 1024 * 1024

export type Mail = {
  readonly receivedAt: string
  readonly from: string
  readonly to: readonly string[]
  readonly subject: string
  readonly text: string
}

export interface MailSink extends AsyncDisposable {
  readonly port: number
  /** Newest first. */
  mails(): Promise<readonly Mail[]>
}

/** Rejects when the port cannot be had. */
export async function startMailSink({ dir, port }: { readonly dir: string; readonly port: number }): Promise<MailSink> {
  mkdirSync(dir, { recursive: true })
  let count = 0
  const server = new SMTPServer({
    authOptional: true,
    disableReverseLookup: true,
    // Offered, it would be taken, and fail: the certificate that comes with the package has expired.
    disabledCommands: ['STARTTLS'],
    size: MAX_MAIL_BYTES,
    logger: false,
    onData(stream, _session, done) {
      const chunks: Buffer[] = []
      let size = 0
      stream.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size <= MAX_MAIL_BYTES) chunks.push(chunk)
      })
      stream.on('end', () => {
        if (stream.sizeExceeded) return done(Object.assign(new Error('the mail is too large'), { responseCode: 552 }))
        // Names sort by arrival.
        const name = `${new Date().toISOString().replaceAll(':', '.')}_${String(count++).padStart(6, '0')}.eml`
        writeFileSync(join(dir, name), Buffer.concat(chunks))
        for (const old of filesIn(dir).slice(MAX_MAILS)) rmSync(join(dir, old), { force: true })
        done()
      })
    },
  })
  server.on('error', () => {})
  await new Promise<void>((resolve, reject) => {
    server.server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve())
  })
  const address = server.server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    mails: () => Promise.all(filesIn(dir).map((file) => readMail(dir, file))),
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

function filesIn(dir: string): readonly string[] {
  return readdirSync(dir)
    .filter((file) => file.endsWith('.eml'))
    .sort()
    .reverse()
}

async function readMail(dir: string, file: string): Promise<Mail> {
  const mail = await PostalMime.parse(readFileSync(join(dir, file)))
  return {
    receivedAt: file
      .slice(0, file.indexOf('_'))
      .replaceAll('.', ':')
      .replace(/:(\d+Z)$/, '.$1'),
    from: mail.from?.address ?? '',
    to: (mail.to ?? []).map(({ address }) => address ?? ''),
    subject: mail.subject ?? '',
    text: mail.text ?? '',
  }
}
