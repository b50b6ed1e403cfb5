import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [
    {
      name: 'svg-as-text',
      enforce: 'pre',
      load: id => (id.split('?')[0].endsWith('.svg') ? 'export default "<svg></svg>"' : undefined)
    }
  ],
  test: {
    environment: 'jsdom',
    setupFiles: ['./vitest.setup.ts'],
    // They import style sheets and icons, which Node cannot read by itself.
    server: { deps: { inline: [/@jupyterlab/, /@lumino/, /@jupyter\//, /@microsoft\//, /@rjsf/, /typestyle/] } }
  }
});
