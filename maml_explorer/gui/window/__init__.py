"""The main window, its actions, menus and layout."""
