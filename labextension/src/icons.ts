import { LabIcon } from '@jupyterlab/ui-components';

import svgstr from '../style/icons/condaenv.svg';

export const condaEnvIcon = new LabIcon({ name: 'jupyter-condaenv:icon', svgstr });
