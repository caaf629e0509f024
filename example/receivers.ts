/** Who is told, and what runs the services: named once, used by the policies of `assay.config.ts`. */
import { createRequire } from 'node:module'
import { email, env, pm2 } from 'assay'

const from = 'assay <assay@workshop.example>'

export const developers = email({ name: 'developers', to: 'developers@workshop.example', from, smtp: env('SMTP_URL') })
export const support = email({ name: 'support', to: 'support@workshop.example', from, smtp: env('SMTP_URL') })

/** The PM2 that `npm run demo` started in its own directory. A company would write `pm2()`. */
export const runtime = pm2({
  home: env('PM2_HOME'),
  command: [process.execPath, createRequire(import.meta.url).resolve('pm2/bin/pm2')],
})
