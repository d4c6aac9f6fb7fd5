"""With no database named, the embedded one is started for a backup and for its restore."""

import asyncio

from facepass.entrypoints.backups import Place, back_up, restore, verify
from facepass.entrypoints.settings import Application, Settings
from facepass.entrypoints.upkeep import migrations
from tests.integration.backup.filling import fill, sessions_in


async def test_backed_up_and_restored(used_data_dir, tmp_path):
    settings = Settings(application=Application(data_dir=used_data_dir))
    to, lines = str(tmp_path / "backups"), []
    async with migrations(settings, progress=lines.append) as schema:
        await schema.upgrade("head")
        await fill(schema.url, "0004", "gala")

    manifest = await back_up(settings, to, progress=lines.append)
    found = await verify(settings, Place.parse(to), progress=lines.append)
    restored = await restore(settings, Place(to, manifest.name), into=None, replace=True, progress=lines.append)

    assert found.differences == ()
    assert restored.database == "facepass"
    async with migrations(settings, progress=lines.append) as schema:
        assert await sessions_in(schema.url) == {"gala": 3}
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
