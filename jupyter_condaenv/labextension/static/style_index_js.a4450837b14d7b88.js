"use strict";(self.rspackChunkjupyter_condaenv=self.rspackChunkjupyter_condaenv||[]).push([["style_index_js"],{"./node_modules/css-loader/dist/cjs.js!./style/base.css"(e,n,o){var a=o("./node_modules/css-loader/dist/runtime/noSourceMaps.js"),t=o.n(a),r=o("./node_modules/css-loader/dist/runtime/api.js"),i=(o.n(r))()(t());i.push([e.id,`/* Only JupyterLab's variables: whatever theme is chosen, the panel has it. */

.jp-condaenv-section {
  overflow: hidden;
  background: var(--jp-layout-color1);
  color: var(--jp-ui-font-color1);
  font-size: var(--jp-ui-font-size1);
}

.jp-condaenv-section:focus-visible {
  outline: none;
}

.jp-condaenv-section > .jp-condaenv,
.jp-condaenv-section {
  display: flex;
  flex-direction: column;
  height: 100%;
  min-height: 0;
}

.jp-condaenv {
  overflow: hidden auto;
}

.jp-condaenv-section h2,
.jp-condaenv-section h3,
.jp-condaenv-section h4,
.jp-condaenv-section p,
.jp-condaenv-section dl,
.jp-condaenv-section dd,
.jp-condaenv-section ul,
.jp-condaenv-section ol,
.jp-condaenv-section fieldset {
  margin: 0;
  padding: 0;
  border: 0;
  min-width: 0;
  list-style: none;
}

.jp-condaenv-section h2 {
  display: flex;
  align-items: center;
  gap: 8px;
  font-size: var(--jp-ui-font-size2);
  font-weight: 600;
  line-height: 24px;
  overflow-wrap: anywhere;
}

.jp-condaenv-section h3 {
  font-size: var(--jp-ui-font-size1);
  font-weight: 600;
  line-height: 24px;
}

.jp-condaenv-section :is(h2, h3, .jp-condaenv-failed):focus {
  outline: none;
}

.jp-condaenv-section [hidden] {
  display: none !important;
}

.jp-condaenv-section h4 {
  padding: 6px 12px 2px;
  color: var(--jp-ui-font-color2);
  font-size: var(--jp-ui-font-size0);
  font-weight: 600;
}

.jp-condaenv-hidden {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}

.jp-condaenv-quiet,
.jp-condaenv-sum {
  padding: 8px 12px !important;
  color: var(--jp-ui-font-color2);
}

.jp-condaenv-number {
  color: var(--jp-ui-font-color2);
  font-variant-numeric: tabular-nums;
  white-space: nowrap;
}

/* --- controls --- */

.jp-condaenv-button {
  display: inline-flex;
  align-items: center;
  justify-content: center;
  gap: 4px;
  min-height: 24px;
  padding: 0 8px;
  border: 1px solid var(--jp-border-color1);
  border-radius: var(--jp-border-radius);
  background: var(--jp-layout-color1);
  color: var(--jp-ui-font-color1);
  font: inherit;
  line-height: 22px;
  white-space: nowrap;
  cursor: pointer;
}

.jp-condaenv-button:hover:enabled {
  background: var(--jp-layout-color2);
}

.jp-condaenv-button:is(:disabled, [aria-disabled='true']) {
  opacity: 0.5;
  cursor: default;
}

/* As JupyterLab's own, which is white on blue in every theme. */
.jp-condaenv-button.jp-mod-accent {
  border-color: var(--jp-accept-color-normal);
  background: var(--jp-accept-color-normal);
  color: white;
}

.jp-condaenv-button.jp-mod-accent:hover:enabled {
  border-color: var(--jp-accept-color-hover);
  background: var(--jp-accept-color-hover);
}

.jp-condaenv-button svg,
.jp-condaenv-back svg {
  display: block;
  width: 16px;
}

.jp-condaenv-button.jp-condaenv-icon {
  flex: none;
  width: 24px;
  min-height: 24px;
  padding: 0;
  border-color: transparent;
  background: none;
}

.jp-condaenv-button.jp-condaenv-icon:hover:enabled {
  background: var(--jp-layout-color3);
}

.jp-condaenv-section :is(button, input, textarea, [tabindex]):focus-visible {
  outline: 2px solid var(--jp-brand-color1);
  outline-offset: -1px;
}

.jp-condaenv-input {
  box-sizing: border-box;
  width: 100%;
  height: 28px;
  padding: 0 8px;
  border: 1px solid var(--jp-border-color1);
  border-radius: var(--jp-border-radius);
  background: var(--jp-input-background, var(--jp-layout-color1));
  color: var(--jp-ui-font-color0);
  font: inherit;
}

.jp-condaenv-input::placeholder {
  color: var(--jp-ui-font-color2);
  opacity: 1;
}

.jp-condaenv-actions {
  display: flex;
  flex: none;
  flex-wrap: wrap;
  gap: 6px;
}

.jp-condaenv-icons {
  display: flex;
}

.jp-condaenv-check {
  display: flex;
  gap: 6px;
  align-items: center;
}

.jp-condaenv-chips {
  display: flex;
  flex-wrap: wrap;
  gap: 4px;
}

.jp-condaenv-chip {
  display: inline-flex;
  align-items: center;
  max-width: 100%;
  border: 1px solid var(--jp-border-color2);
  border-radius: 12px;
  background: var(--jp-layout-color2);
  line-height: 20px;
}

.jp-condaenv-chip > span {
  overflow: hidden;
  padding-left: 8px;
  text-overflow: ellipsis;
  white-space: nowrap;
}

.jp-condaenv-chip > button {
  width: 22px;
  height: 20px;
  padding: 0;
  border: 0;
  border-radius: 10px;
  background: none;
  color: var(--jp-ui-font-color2);
  font: inherit;
  cursor: pointer;
}

.jp-condaenv-chip > button:hover {
  color: var(--jp-ui-font-color0);
}

.jp-condaenv-bar-top {
  flex: none;
  padding: 8px 12px;
}

/* --- messages --- */

.jp-condaenv-alert,
.jp-condaenv-offline,
.jp-condaenv-notice {
  flex: none;
  margin: 8px 12px !important;
  padding: 6px 8px !important;
  border-left: 3px solid var(--jp-error-color1) !important;
  background: var(--jp-layout-color2);
  overflow-wrap: anywhere;
  white-space: pre-wrap;
}

.jp-condaenv-offline,
.jp-condaenv-notice {
  border-left-color: var(--jp-warn-color1) !important;
}

.jp-condaenv-heading > .jp-condaenv-notice {
  margin: 8px 0 !important;
}

.jp-condaenv-notice > :is(button, details, .jp-condaenv-actions),
.jp-condaenv-alert > :not(:first-child, .jp-condaenv-hint) {
  margin-top: 6px;
}

.jp-condaenv-section summary {
  width: fit-content;
  color: var(--jp-ui-font-color2);
  cursor: pointer;
}

.jp-condaenv-notice > details[open] {
  max-height: 200px;
  overflow: hidden auto;
}

.jp-condaenv-section .jp-condaenv-notice h3 {
  line-height: inherit;
}

.jp-condaenv-section .jp-condaenv-notice h4 {
  padding-inline: 0;
}

.jp-condaenv-reasons > pre {
  max-height: 240px;
  margin: 4px 0 0;
  overflow: auto;
  font-family: var(--jp-code-font-family);
  font-size: var(--jp-ui-font-size0);
  line-height: 1.4;
  overflow-wrap: normal;
  white-space: pre;
}

.jp-condaenv-explanation {
  display: flex;
  flex: none;
  flex-direction: column;
  gap: 4px;
  padding: 0 12px 8px;
  overflow-wrap: anywhere;
}

.jp-condaenv-form > .jp-condaenv-explanation {
  padding-inline: 0;
}

.jp-condaenv-section .jp-condaenv-explanation h4 {
  padding-inline: 0;
}

.jp-condaenv-explanation li {
  display: flex;
  gap: 8px;
  align-items: center;
  justify-content: space-between;
  padding: 2px 0;
}

.jp-condaenv-explanation li > span {
  display: flex;
  flex-direction: column;
  min-width: 0;
}

.jp-condaenv-offline > .jp-condaenv-button {
  margin-top: 6px;
}

.jp-condaenv-said {
  display: flex;
  flex-direction: column;
  align-items: flex-start;
  gap: 8px;
  padding: 8px 12px;
  color: var(--jp-ui-font-color1);
  font-size: var(--jp-ui-font-size1);
}

.jp-condaenv-section code {
  font-family: var(--jp-code-font-family);
  font-size: 0.95em;
}

.jp-condaenv-hint {
  margin-top: 2px;
  color: var(--jp-ui-font-color2);
}

.jp-condaenv-empty {
  display: flex;
  flex-direction: column;
  align-items: center;
  gap: 8px;
  padding: 32px 24px;
  text-align: center;
}

.jp-condaenv-empty p {
  max-width: 100%;
  overflow-wrap: anywhere;
  color: var(--jp-ui-font-color2);
}

/* --- progress --- */

.jp-condaenv-progress {
  display: flex;
  gap: 8px;
  align-items: center;
}

.jp-condaenv-bar {
  flex: 1;
  min-width: 0;
}

.jp-condaenv-bar-text {
  display: flex;
  justify-content: space-between;
  gap: 8px;
  color: var(--jp-ui-font-color2);
  font-size: var(--jp-ui-font-size0);
  line-height: 16px;
}

.jp-condaenv-bar-text > :first-child {
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}

.jp-condaenv-bar progress {
  display: block;
  width: 100%;
  height: 4px;
  margin-top: 2px;
  border: 0;
  border-radius: 2px;
  overflow: hidden;
  background: var(--jp-layout-color3);
  appearance: none;
}

.jp-condaenv-bar progress::-webkit-progress-bar {
  background: var(--jp-layout-color3);
}

.jp-condaenv-bar progress::-webkit-progress-value {
  background: var(--jp-brand-color1);
  transition: width 0.2s;
}

.jp-condaenv-bar progress::-moz-progress-bar {
  background: var(--jp-brand-color1);
}

.jp-condaenv-bar progress:indeterminate {
  background: linear-gradient(90deg, transparent, var(--jp-brand-color1), transparent) 0 0 / 40% 100% no-repeat
    var(--jp-layout-color3);
  animation: jp-condaenv-wait 1.4s linear infinite;
}

.jp-condaenv-bar progress:indeterminate::-webkit-progress-bar {
  background: none;
}

.jp-condaenv-bar progress:indeterminate::-moz-progress-bar {
  background: none;
}

@keyframes jp-condaenv-wait {
  from {
    background-position: -70% 0;
  }

  to {
    background-position: 170% 0;
  }
}

@media (prefers-reduced-motion: reduce) {
  .jp-condaenv-bar progress:indeterminate {
    animation: none;
  }
}

/* --- the list of environments --- */

.jp-condaenv-row {
  position: relative;
  box-sizing: border-box;
  min-height: 46px;
  padding: 4px 8px 5px calc(12px + var(--jp-condaenv-depth, 0) * 16px) !important;
}

.jp-condaenv-row:hover {
  background: var(--jp-layout-color2);
}

.jp-condaenv-row-head {
  display: flex;
  align-items: center;
  gap: 8px;
  height: 22px;
}

.jp-condaenv-row-head .jp-condaenv-name {
  flex: 1;
  overflow: hidden;
  padding: 0;
  border: 0;
  background: none;
  color: var(--jp-ui-font-color1);
  font: inherit;
  font-weight: 500;
  text-align: left;
  text-overflow: ellipsis;
  white-space: nowrap;
  cursor: pointer;
}

/* The whole row is where it can be pressed. */
.jp-condaenv-row-head button.jp-condaenv-name::after {
  content: '';
  position: absolute;
  inset: 0;
}

.jp-condaenv-row-head button.jp-condaenv-name:focus-visible {
  outline: none;
}

.jp-condaenv-row-head button.jp-condaenv-name:focus-visible::after {
  outline: 2px solid var(--jp-brand-color1);
  outline-offset: -2px;
}

.jp-condaenv-row-head .jp-condaenv-icon {
  z-index: 1;
}

.jp-condaenv-about {
  display: flex;
  flex-wrap: wrap;
  gap: 0 8px;
  padding-left: 16px;
  color: var(--jp-ui-font-color2);
  font-size: var(--jp-ui-font-size0);
  line-height: 16px;
  white-space: nowrap;
}

.jp-condaenv-row .jp-condaenv-progress {
  padding-left: 16px;
}

.jp-condaenv-about > :first-child {
  overflow: hidden;
  text-overflow: ellipsis;
}

/* Of a long path the end says most. It has what room is left or, where that is little, a line of its own; all of it is
   what hovering shows, and stands in the environment's own view. */
.jp-condaenv-path {
  flex: 1 1000 18em;
  overflow: hidden;
  direction: rtl;
  text-align: left;
  text-overflow: ellipsis;
}

.jp-condaenv-problem {
  padding-left: 16px;
  color: var(--jp-error-color1);
  font-size: var(--jp-ui-font-size0);
  line-height: 16px;
}

.jp-condaenv-dot {
  flex: none;
  box-sizing: border-box;
  width: 8px;
  height: 8px;
  border-radius: 50%;
}

.jp-condaenv-dot.jp-mod-running {
  background: var(--jp-success-color1);
}

.jp-condaenv-dot.jp-mod-registered {
  border: 2px solid var(--jp-ui-font-color2);
}

.jp-condaenv-dot.jp-mod-none {
  border: 1px dotted var(--jp-ui-font-color2);
}

/* --- one environment, and a new one --- */

.jp-condaenv-back {
  display: inline-flex;
  align-items: center;
  height: 24px;
  margin-left: -6px;
  padding: 0 8px 0 2px;
  border: 0;
  border-radius: var(--jp-border-radius);
  background: none;
  color: var(--jp-ui-font-color1);
  font: inherit;
  cursor: pointer;
}

.jp-condaenv-back:hover {
  background: var(--jp-layout-color2);
}

.jp-condaenv-heading,
.jp-condaenv-form {
  display: flex;
  flex: none;
  flex-direction: column;
  gap: 8px;
  padding: 0 12px 8px;
}

.jp-condaenv-form {
  box-sizing: border-box;
  flex: 1;
  min-height: 0;
  padding-top: 8px;
}

.jp-condaenv-form > .jp-condaenv-picker {
  min-height: 180px;
  margin: 0 -12px;
}

/* In sight, however much there is above. */
.jp-condaenv-form > .jp-condaenv-actions {
  position: sticky;
  bottom: 0;
  z-index: 1;
  margin: 0 -12px -8px;
  padding: 8px 12px;
  border-top: 1px solid var(--jp-border-color2);
  background: var(--jp-layout-color1);
}

.jp-condaenv-form fieldset {
  display: flex;
  flex-direction: column;
  gap: 8px;
}

.jp-condaenv-form .jp-condaenv-alert {
  margin-inline: 0 !important;
}

.jp-condaenv-field {
  display: flex;
  flex-direction: column;
  gap: 2px;
}

.jp-condaenv-field + .jp-condaenv-problem {
  margin-top: -6px;
  padding: 0;
}

.jp-condaenv-missing {
  width: 100%;
  color: var(--jp-ui-font-color2);
  font-size: var(--jp-ui-font-size0);
}

.jp-condaenv-title {
  display: flex;
  align-items: flex-start;
  justify-content: space-between;
  gap: 8px;
}

.jp-condaenv-notes {
  display: flex;
  flex-direction: column;
  gap: 8px;
}

.jp-condaenv-notes > .jp-condaenv-alert {
  margin: 0 !important;
}

textarea.jp-condaenv-input {
  height: auto;
  padding: 4px 8px;
  resize: vertical;
}

.jp-condaenv-facts > div {
  display: flex;
  gap: 8px;
  line-height: 18px;
}

.jp-condaenv-facts dt {
  flex: none;
  width: 72px;
  color: var(--jp-ui-font-color2);
}

.jp-condaenv-facts dd {
  flex: 1;
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}

.jp-condaenv-facts .jp-condaenv-path {
  direction: ltr;
  text-align: left;
  white-space: normal;
  overflow-wrap: anywhere;
}

.jp-condaenv-words {
  overflow-wrap: anywhere;
  white-space: pre-wrap;
}

/* Where there is less room, as on a page that is enlarged, all around it is scrolled, so that it stays whole. */
.jp-condaenv-plan {
  display: flex;
  flex: 1;
  flex-direction: column;
  gap: 4px;
  min-height: 240px;
}

/* What has the focus is scrolled into sight, and the rest of the plan with it. */
.jp-condaenv-plan > h3 {
  scroll-margin-bottom: 216px;
}

.jp-condaenv-environment > .jp-condaenv-plan {
  padding: 0 12px 8px;
}

.jp-condaenv-plan-changes {
  flex: 0 1 auto;
  min-height: 80px;
  margin: 0 -12px;
  padding: 0 12px;
  overflow: hidden auto;
}

.jp-condaenv-plan > .jp-condaenv-actions {
  padding: 4px 0;
}

.jp-condaenv-plan > .jp-condaenv-sum {
  padding: 0 !important;
}

.jp-condaenv-plan .jp-condaenv-notice {
  margin-inline: 0 !important;
}

.jp-condaenv-section .jp-condaenv-plan h4 {
  padding-left: 0;
}

.jp-condaenv-changes > li {
  display: flex;
  gap: 6px;
  line-height: 20px;
}

.jp-condaenv-sign {
  flex: none;
  width: 10px;
  text-align: center;
}

.jp-condaenv-changes .jp-condaenv-package,
.jp-condaenv-versions {
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}

.jp-condaenv-changes .jp-condaenv-package {
  flex: 1 0 auto;
  max-width: 55%;
}

.jp-condaenv-versions {
  flex: 0 1 auto;
  color: var(--jp-ui-font-color2);
}

.jp-condaenv-changes .jp-condaenv-number {
  flex: none;
  width: 48px;
  text-align: right;
}

.jp-condaenv-operation {
  padding: 4px 12px;
}

/* --- what is in an environment --- */

.jp-condaenv-environment,
.jp-condaenv-section .jp-condaenv-contents {
  display: flex;
  flex: 1;
  flex-direction: column;
  min-height: 0;
}

.jp-condaenv-tabs {
  display: flex;
  flex: none;
  padding: 0 8px;
  border-bottom: 1px solid var(--jp-border-color2);
}

.jp-condaenv-tabs > button {
  min-width: 0;
  height: 28px;
  overflow: hidden;
  text-overflow: ellipsis;
  padding: 0 8px;
  border: 0;
  border-bottom: 2px solid transparent;
  background: none;
  color: var(--jp-ui-font-color2);
  font: inherit;
  cursor: pointer;
}

.jp-condaenv-tabs > button:hover {
  color: var(--jp-ui-font-color1);
}

.jp-condaenv-tabs > button[aria-selected='true'] {
  border-bottom-color: var(--jp-brand-color1);
  color: var(--jp-ui-font-color1);
}

.jp-condaenv-tabpanel {
  display: flex;
  flex: 1 1 240px;
  flex-direction: column;
  min-height: 160px;
}

.jp-condaenv-together {
  display: flex;
  gap: 6px;
}

.jp-condaenv-scroller {
  flex: 1;
  min-height: 0;
  overflow: hidden auto;
}

.jp-condaenv-scroller > ul {
  position: relative;
}

.jp-condaenv-scroller > ul > li {
  position: absolute;
  top: 0;
  left: 0;
  width: 100%;
}

.jp-condaenv-installed {
  display: flex;
  align-items: center;
  gap: 4px;
  height: 100%;
  padding: 0 8px 0 12px;
}

.jp-condaenv-installed:hover,
.jp-condaenv-found:hover {
  background: var(--jp-layout-color2);
}

.jp-condaenv-installed > .jp-condaenv-package,
.jp-condaenv-found .jp-condaenv-package {
  flex: 1;
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}

/* A version can be very long; the name is what is looked for. Both stand in the title. */
.jp-condaenv-installed > .jp-condaenv-number,
.jp-condaenv-found > .jp-condaenv-number {
  flex: none;
  max-width: 40%;
  overflow: hidden;
  text-overflow: ellipsis;
}

.jp-condaenv-installed.jp-mod-asked > .jp-condaenv-package {
  font-weight: 600;
}

.jp-condaenv-installed.jp-mod-remove > .jp-condaenv-package {
  color: var(--jp-ui-font-color2);
  text-decoration: line-through;
}

/* Seen where they are needed, and always where nothing can hover; their place is kept. */
@media (hover: hover) {
  .jp-condaenv-installed > .jp-condaenv-icon {
    opacity: 0;
  }
}

.jp-condaenv-installed:is(:hover, :focus-within) > .jp-condaenv-icon,
.jp-condaenv-installed > .jp-condaenv-icon[aria-pressed='true'] {
  opacity: 1;
}

.jp-condaenv-button[aria-pressed='true'] {
  border-color: var(--jp-brand-color1);
  background: var(--jp-layout-color2);
}

.jp-condaenv-picker {
  display: flex;
  flex: 1;
  flex-direction: column;
  min-height: 0;
  padding-top: 8px;
}

.jp-condaenv-picker > .jp-condaenv-input {
  flex: none;
  width: auto;
  margin: 0 12px 8px;
}

.jp-condaenv-take {
  margin: 0 12px 8px;
}

.jp-condaenv-take > button {
  max-width: 100%;
  overflow: hidden;
}

.jp-condaenv-found {
  display: flex;
  align-items: center;
  gap: 8px;
  box-sizing: border-box;
  width: 100%;
  height: 100%;
  padding: 0 12px;
  border: 0;
  background: none;
  color: var(--jp-ui-font-color1);
  font: inherit;
  text-align: left;
  cursor: pointer;
}

.jp-condaenv-found svg {
  display: block;
  width: 16px;
}

.jp-condaenv-found[aria-pressed='true'] .jp-condaenv-package {
  font-weight: 600;
}

/* It gives way to a version, but never all of it. */
.jp-condaenv-found .jp-condaenv-package {
  flex: 0 10 auto;
  min-width: 3em;
}

.jp-condaenv-summary {
  flex: 1 1 0;
  overflow: hidden;
  color: var(--jp-ui-font-color2);
  font-size: var(--jp-ui-font-size0);
  text-overflow: ellipsis;
  white-space: nowrap;
}

.jp-condaenv-summary.jp-mod-installed {
  flex: 1 1 auto;
}

.jp-condaenv-foot {
  display: flex;
  flex: none;
  justify-content: space-between;
  gap: 8px;
  padding: 4px 12px;
  border-top: 1px solid var(--jp-border-color3);
  white-space: nowrap;
  color: var(--jp-ui-font-color2);
  font-size: var(--jp-ui-font-size0);
}

.jp-condaenv-foot > span {
  overflow: hidden;
  text-overflow: ellipsis;
}

.jp-condaenv-foot > button,
.jp-condaenv-link {
  padding: 0;
  border: 0;
  background: none;
  color: var(--jp-content-link-color);
  font: inherit;
  cursor: pointer;
}

.jp-condaenv-foot > button:disabled {
  opacity: 0.5;
}

.jp-condaenv-basket {
  display: flex;
  flex: none;
  flex-direction: column;
  gap: 8px;
  max-height: max(40%, 88px);
  padding: 8px 12px;
  overflow: hidden auto;
  border-top: 1px solid var(--jp-border-color2);
  background: var(--jp-layout-color1);
}

.jp-condaenv-revisions {
  box-sizing: border-box;
  padding-top: 4px !important;
  flex: 1;
  overflow: hidden auto;
}

.jp-condaenv-revisions > li {
  display: flex;
  align-items: center;
  gap: 8px;
  min-height: 36px;
  padding: 2px 12px;
}

.jp-condaenv-revisions > li:hover {
  background: var(--jp-layout-color2);
}

.jp-condaenv-damaged {
  color: var(--jp-error-color1);
}

.jp-condaenv-revision {
  display: flex;
  flex: 1;
  flex-direction: column;
  min-width: 0;
  overflow-wrap: anywhere;
}

.jp-condaenv-quiet-text {
  color: var(--jp-ui-font-color2);
  font-size: var(--jp-ui-font-size0);
}

.jp-condaenv-health {
  display: flex;
  flex: 1;
  flex-direction: column;
  gap: 8px;
  padding: 8px 12px;
  overflow: hidden auto;
  overflow-wrap: anywhere;
}

.jp-condaenv-health > .jp-condaenv-notice {
  margin: 0 !important;
}

.jp-condaenv-health > ul > li + li {
  margin-top: 8px;
}

.jp-condaenv-places {
  color: var(--jp-ui-font-color2);
  font-family: var(--jp-code-font-family);
  font-size: var(--jp-ui-font-size0);
}

.jp-condaenv-file {
  display: flex;
  align-items: center;
  gap: 8px;
  color: var(--jp-ui-font-color2);
  font-size: var(--jp-ui-font-size0);
}

.jp-condaenv.jp-mod-drop,
.jp-condaenv-form.jp-mod-drop {
  outline: 2px dashed var(--jp-brand-color1);
  outline-offset: -4px;
}

/* --- jobs --- */

.jp-condaenv-jobs {
  overflow: hidden auto;
}

.jp-condaenv-job {
  padding: 2px 8px 4px 4px !important;
}

.jp-condaenv-job-head {
  display: flex;
  align-items: center;
  gap: 4px;
  min-height: 24px;
}

.jp-condaenv-job-title {
  flex: 1;
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}

.jp-condaenv-job-state {
  color: var(--jp-ui-font-color2);
  font-size: var(--jp-ui-font-size0);
  white-space: nowrap;
}

.jp-condaenv-job.jp-mod-failed .jp-condaenv-job-state {
  color: var(--jp-error-color1);
}

.jp-condaenv-job > .jp-condaenv-bar {
  padding: 0 4px 4px 28px;
}

.jp-condaenv-job > .jp-condaenv-alert {
  margin: 2px 4px 4px 28px !important;
}

.jp-condaenv-log {
  max-height: 240px;
  margin: 2px 4px 4px 28px;
  overflow: hidden auto;
  font-size: var(--jp-ui-font-size0);
  line-height: 16px;
}

.jp-condaenv-log > ol {
  position: relative;
}

.jp-condaenv-log li {
  display: flex;
  position: absolute;
  top: 0;
  left: 0;
  gap: 8px;
  width: 100%;
  overflow-wrap: anywhere;
}

.jp-condaenv-log li > span {
  min-width: 0;
}

.jp-condaenv-log .jp-mod-warning {
  color: var(--jp-warn-color0);
}

.jp-condaenv-log time {
  flex: none;
  color: var(--jp-ui-font-color2);
  font-variant-numeric: tabular-nums;
}

/* --- the dialog that asks before an environment is deleted --- */

.jp-condaenv-dialog {
  max-width: 420px;
  overflow-wrap: anywhere;
}

.jp-condaenv-dialog > p {
  margin: 0 0 8px;
}

.jp-condaenv-dialog-warning {
  padding: 6px 8px;
  border-left: 3px solid var(--jp-error-color1);
  background: var(--jp-layout-color2);
}

/* --- the status bar --- */

.jp-condaenv-status-button {
  display: inline-flex;
  align-items: center;
  gap: 4px;
  height: 100%;
  padding: 0 4px;
  border: 0;
  background: none;
  color: inherit;
  font: inherit;
  cursor: pointer;
}

.jp-condaenv-status-button svg {
  display: block;
  width: 14px;
}
`,""]),o.d(n,{},{A:i})},"./node_modules/css-loader/dist/runtime/api.js"(e){e.exports=function(e){var n=[];return n.toString=function(){return this.map(function(n){var o="",a=void 0!==n[5];return n[4]&&(o+="@supports (".concat(n[4],") {")),n[2]&&(o+="@media ".concat(n[2]," {")),a&&(o+="@layer".concat(n[5].length>0?" ".concat(n[5]):""," {")),o+=e(n),a&&(o+="}"),n[2]&&(o+="}"),n[4]&&(o+="}"),o}).join("")},n.i=function(e,o,a,t,r){"string"==typeof e&&(e=[[null,e,void 0]]);var i={};if(a)for(var p=0;p<this.length;p++){var d=this[p][0];null!=d&&(i[d]=!0)}for(var l=0;l<e.length;l++){var c=[].concat(e[l]);a&&i[c[0]]||(void 0!==r&&(void 0===c[5]||(c[1]="@layer".concat(c[5].length>0?" ".concat(c[5]):""," {").concat(c[1],"}")),c[5]=r),o&&(c[2]&&(c[1]="@media ".concat(c[2]," {").concat(c[1],"}")),c[2]=o),t&&(c[4]?(c[1]="@supports (".concat(c[4],") {").concat(c[1],"}"),c[4]=t):c[4]="".concat(t)),n.push(c))}},n}},"./node_modules/css-loader/dist/runtime/noSourceMaps.js"(e){e.exports=function(e){return e[1]}},"./node_modules/style-loader/dist/runtime/injectStylesIntoStyleTag.js"(e){var n=[];function o(e){for(var o=-1,a=0;a<n.length;a++)if(n[a].identifier===e){o=a;break}return o}function a(e,a){for(var t={},r=[],i=0;i<e.length;i++){var p=e[i],d=a.base?p[0]+a.base:p[0],l=t[d]||0,c="".concat(d," ").concat(l);t[d]=l+1;var s=o(c),v={css:p[1],media:p[2],sourceMap:p[3],supports:p[4],layer:p[5]};if(-1!==s)n[s].references++,n[s].updater(v);else{var j=function(e,n){var o=n.domAPI(n);return o.update(e),function(n){n?(n.css!==e.css||n.media!==e.media||n.sourceMap!==e.sourceMap||n.supports!==e.supports||n.layer!==e.layer)&&o.update(e=n):o.remove()}}(v,a);a.byIndex=i,n.splice(i,0,{identifier:c,updater:j,references:1})}r.push(c)}return r}e.exports=function(e,t){var r=a(e=e||[],t=t||{});return function(e){e=e||[];for(var i=0;i<r.length;i++){var p=o(r[i]);n[p].references--}for(var d=a(e,t),l=0;l<r.length;l++){var c=o(r[l]);0===n[c].references&&(n[c].updater(),n.splice(c,1))}r=d}}},"./node_modules/style-loader/dist/runtime/insertBySelector.js"(e){var n={};e.exports=function(e,o){var a=function(e){if(void 0===n[e]){var o=document.querySelector(e);if(window.HTMLIFrameElement&&o instanceof window.HTMLIFrameElement)try{o=o.contentDocument.head}catch(e){o=null}n[e]=o}return n[e]}(e);if(!a)throw Error("Couldn't find a style target. This probably means that the value for the 'insert' parameter is invalid.");a.appendChild(o)}},"./node_modules/style-loader/dist/runtime/insertStyleElement.js"(e){e.exports=function(e){var n=document.createElement("style");return e.setAttributes(n,e.attributes),e.insert(n,e.options),n}},"./node_modules/style-loader/dist/runtime/setAttributesWithoutAttributes.js"(e,n,o){e.exports=function(e){var n=o.nc;n&&e.setAttribute("nonce",n)}},"./node_modules/style-loader/dist/runtime/styleDomAPI.js"(e){e.exports=function(e){if("u"<typeof document)return{update:function(){},remove:function(){}};var n=e.insertStyleElement(e);return{update:function(o){var a,t,r;a="",o.supports&&(a+="@supports (".concat(o.supports,") {")),o.media&&(a+="@media ".concat(o.media," {")),(t=void 0!==o.layer)&&(a+="@layer".concat(o.layer.length>0?" ".concat(o.layer):""," {")),a+=o.css,t&&(a+="}"),o.media&&(a+="}"),o.supports&&(a+="}"),(r=o.sourceMap)&&"u">typeof btoa&&(a+="\n/*# sourceMappingURL=data:application/json;base64,".concat(btoa(unescape(encodeURIComponent(JSON.stringify(r))))," */")),e.styleTagTransform(a,n,e.options)},remove:function(){var e;null===(e=n).parentNode||e.parentNode.removeChild(e)}}}},"./node_modules/style-loader/dist/runtime/styleTagTransform.js"(e){e.exports=function(e,n){if(n.styleSheet)n.styleSheet.cssText=e;else{for(;n.firstChild;)n.removeChild(n.firstChild);n.appendChild(document.createTextNode(e))}}},"./style/index.js"(e,n,o){var a=o("./node_modules/style-loader/dist/runtime/injectStylesIntoStyleTag.js"),t=o.n(a),r=o("./node_modules/style-loader/dist/runtime/styleDomAPI.js"),i=o.n(r),p=o("./node_modules/style-loader/dist/runtime/insertBySelector.js"),d=o.n(p),l=o("./node_modules/style-loader/dist/runtime/setAttributesWithoutAttributes.js"),c=o.n(l),s=o("./node_modules/style-loader/dist/runtime/insertStyleElement.js"),v=o.n(s),j=o("./node_modules/style-loader/dist/runtime/styleTagTransform.js"),f=o.n(j),u=o("./node_modules/css-loader/dist/cjs.js!./style/base.css"),x={};x.styleTagTransform=f(),x.setAttributes=c(),x.insert=d().bind(null,"head"),x.domAPI=i(),x.insertStyleElement=v(),t()(u.A,x),u.A&&u.A.locals&&u.A.locals}}]);