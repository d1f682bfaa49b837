"""The greenhouse of the IO managers, whose readings the Spark programs of these tests judge."""

from user_behaviour_tests.io_managers.conftest import greenhouse as greenhouse
