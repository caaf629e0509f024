/**
 * The UI's build. Everything is relative, so that the same files work at `/` and below any route prefix; nothing is
 * inlined, so that the pages run under a content security policy without `data:` and without inline scripts.
 */
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const api = process.env['ASSAY_API'] ?? 'http://127.0.0.1:5301'

export default defineConfig({
  base: './',
  plugins: [react()],
  build: { outDir: 'dist', target: 'es2023', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: { host: '127.0.0.1', port: 5300, strictPort: true, proxy: { '/api': api } },
  preview: { host: '127.0.0.1', port: 5300, strictPort: true, proxy: { '/api': api } },
})
