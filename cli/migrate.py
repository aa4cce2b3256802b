# ruff: noqa: PLC0415 -- the driver is loaded inside the command, so that --help starts fast
"""`person-changes migrate`: the database's tables."""

from cli.environment import read_settings
from cli.output import AsJson, emit, say
from cli.servers import database_address, database_trouble


def migrate_command(as_json: AsJson = False) -> None:
    """Bring the database to this version's tables.

    Applies the migrations that are missing, each in a transaction of its own. It is safe to run at any time, also from
    several places at once. The database is the one in DATABASE_URL.
    """
    from db.migrate import migrate
    from db.settings import DatabaseSettings

    url = read_settings(DatabaseSettings).database_url.get_secret_value()
    with database_trouble(url):
        applied = migrate(url)
    if as_json:
        emit({"database": database_address(url), "applied": applied})
        return
    for name in applied:
        say(f"applied {name}")
    if not applied:
        say(f"nothing to do: {database_address(url)} has this version's tables")
