"""How the sensors and the purge decide, free of Dagster: states compared, nothing counted."""
