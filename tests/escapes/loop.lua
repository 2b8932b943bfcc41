-- Never ends, and calls nothing.
::again::
goto again
