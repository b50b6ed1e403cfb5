"""The extension as Jupyter loads it: configuration, routes and events are put where the server finds them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from jupyter_server.extension.application import ExtensionApp

from .. import config
from ..engine.errors import CondaEnvError
from .background import Scanner
from .handlers import DOCUMENTED, routes
from .hints import SCHEMA, SCHEMA_FILE, Hint
from .openapi import DOCUMENT, document
from .routing import ROOT, pattern
from .service import SERVICE, Service


class CondaEnvExtension(ExtensionApp):
    """Conda environments over REST. All that can be configured is in ``CondaEnv``, which every face reads."""

    name = "jupyter_condaenv"
    classes = [config.CondaEnv]  # noqa: RUF012 - traitlets wants a plain list
    _kernels_wait = False

    def _config_file_name_default(self) -> str:
        """None: ``config`` reads our files, for every face alike."""
        return ""

    def initialize_settings(self) -> None:
        assert self.serverapp is not None
        assert self.serverapp.event_logger is not None
        self.serverapp.event_logger.register_event_schema(SCHEMA_FILE)
        self._service = Service(self._configuration, self._tell)
        self._scanner = Scanner(self._service)
        self.settings[SERVICE] = self._service
        self.settings[DOCUMENT] = document(DOCUMENTED, self.serverapp.base_url)
        try:
            self._let_the_server_find_our_kernels()
            self._let_kernels_wait()
        except CondaEnvError as error:
            self.log.warning("jupyter_condaenv: %s %s", error.message, error.hint)

    def initialize_handlers(self) -> None:
        self.handlers.extend((pattern(f"{ROOT}/{route.path}"), route.handler) for route in routes())

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        self._scanner.start()

    async def stop_extension(self) -> None:
        await self._scanner.stop()
        await self._service.stop()
        if self._kernels_wait:
            from ..kernels import provisioner

            await asyncio.to_thread(provisioner.switch_off)

    def _configuration(self) -> config.CondaEnv:
        """As every face reads it, with what was said to servers alone and on this one's command line."""
        assert self.serverapp is not None
        return config.load(self.serverapp.config, self.serverapp.cli_config)

    def _tell(self, hint: Hint) -> None:
        assert self.serverapp is not None
        assert self.serverapp.event_logger is not None
        self.serverapp.event_logger.emit(schema_id=SCHEMA, data=hint._asdict())

    def _let_the_server_find_our_kernels(self) -> None:
        """Where ``kernels_dir`` is none of the directories that the server looks in, it is from now on."""
        assert self.serverapp is not None
        ours = self._service.settings().kernels_dir
        manager: Any = self.serverapp.kernel_spec_manager
        known = getattr(manager, "kernel_dirs", None)  # a gateway's manager looks in no directory
        if known is not None and Path(ours) not in map(Path, known):
            manager.kernel_dirs = [*known, ours]

    def _let_kernels_wait(self) -> None:
        """Where that is switched on; else nothing of it is imported."""
        assert self.serverapp is not None
        chosen = self._service.configuration()
        if not chosen.pool_size:
            return
        from ..kernels import pool, provisioner

        kernels = pool.Pool(chosen.pool_size, round(chosen.pool_memory * config.GIGABYTE), chosen.pool_idle, self.log)
        self._kernels_wait = provisioner.switch_on(kernels, self.serverapp.kernel_manager, self.log)
