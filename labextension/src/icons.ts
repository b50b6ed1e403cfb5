import { LabIcon } from '@jupyterlab/ui-components';

import svgstr from '../style/icons/condaenv.svg';
import updateSvgstr from '../style/icons/update.svg';

export const condaEnvIcon = new LabIcon({ name: 'jupyter-condaenv:icon', svgstr });
export const updateIcon = new LabIcon({ name: 'jupyter-condaenv:update', svgstr: updateSvgstr });
