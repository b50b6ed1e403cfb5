import js from '@eslint/js';
import a11y from 'eslint-plugin-jsx-a11y';
import hooks from 'eslint-plugin-react-hooks';
import ts from 'typescript-eslint';

const FETCH = 'Only api/ talks to the server.';

export default ts.config(
  { ignores: ['lib/', 'node_modules/', '.yarn/', 'src/api/schema.ts'] },
  js.configs.recommended,
  ...ts.configs.recommended,
  a11y.flatConfigs.strict,
  {
    plugins: { 'react-hooks': hooks },
    rules: {
      ...hooks.configs.recommended.rules,
      eqeqeq: 'error',
      '@typescript-eslint/no-namespace': 'off'
    }
  },
  { files: ['*.js'], languageOptions: { globals: { module: 'readonly' } } },
  // The house: index -> widgets -> components ; model ; api.
  {
    files: ['src/components/**'],
    rules: {
      'no-restricted-globals': ['error', { name: 'fetch', message: FETCH }],
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: ['**/widgets/*', '**/index', '**/commands'], message: 'Components know no widgets.' },
            { group: ['**/api/*'], allowTypeImports: true, message: FETCH }
          ]
        }
      ]
    }
  },
  {
    files: ['src/model/**'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: ['**/components/*', '**/widgets/*', 'react'],
              message: 'Models know nothing of how they are shown.'
            }
          ]
        }
      ]
    }
  }
);
