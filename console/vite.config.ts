import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig, type Plugin } from 'vite'

/** Writes `licences.txt`: the licence of every package whose code is in the built files, sorted by name. */
function licences(): Plugin {
  return {
    name: 'licences',
    generateBundle(_, bundle) {
      const packages = new Set<string>(['maplibre-gl'])
      for (const file of Object.values(bundle)) {
        if (file.type !== 'chunk') continue
        for (const id of file.moduleIds) {
          const name = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1]
          if (name) packages.add(name)
        }
      }
      const texts = [...packages].sort().map((name) => {
        const folder = join(import.meta.dirname, 'node_modules', name)
        const about = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string; license: string }
        const file = readdirSync(folder).sort().find((f) => /^licen[cs]e/i.test(f))
        const text = file ? readFileSync(join(folder, file), 'utf8').trim() : ''
        return `${name} ${about.version} (${about.license})\n\n${text}\n`
      })
      this.emitFile({ type: 'asset', fileName: 'licences.txt', source: texts.join(`\n${'-'.repeat(78)}\n\n`) })
    },
  }
}

// Reproducible: the file names come from the content, nothing reads the clock or the machine.
export default defineConfig({
  base: './',
  plugins: [svelte(), licences()],
  build: {
    outDir: '../src/cityward/web/console',
    emptyOutDir: true,
    target: 'es2022',
    sourcemap: false,
    assetsInlineLimit: 0, // no data: URLs, so that the policy need not allow them
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1500,
    rolldownOptions: {
      output: {
        // One ending for scripts: servers know `.js`, few know `.mjs`.
        assetFileNames: (file) => `assets/[name]-[hash]${file.names[0]?.endsWith('.mjs') ? '.js' : '[extname]'}`,
      },
    },
  },
})
