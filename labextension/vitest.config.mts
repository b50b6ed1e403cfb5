import { defineConfig } from 'vitest/config';

const SVG = '<svg xmlns="http://www.w3.org/2000/svg"/>';

export default defineConfig({
  plugins: [
    {
      name: 'svg-as-text',
      enforce: 'pre',
      load: id => (id.split('?')[0].endsWith('.svg') ? `export default ${JSON.stringify(SVG)}` : undefined)
    }
  ],
  test: {
    environment: 'jsdom',
    setupFiles: ['./vitest.setup.ts'],
    testTimeout: 60_000, // a busy machine is no failure
    // They import style sheets and icons, which Node cannot read by itself.
    server: { deps: { inline: [/@jupyterlab/, /@lumino/, /@jupyter\//, /@microsoft\//, /@rjsf/, /typestyle/] } }
  }
});
