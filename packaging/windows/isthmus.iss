; Inno Setup 6: makes the installer of the Windows app.
;     iscc /DAppVersion=0.1.0 /DSource=..\..\build\dist\Isthmus packaging\windows\isthmus.iss
; To sign it: iscc /DSign=1 "/Ssigntool=signtool.exe sign /fd sha256 /a $f" ...

#ifndef AppVersion
  #error AppVersion is not given
#endif
#ifndef Source
  #define Source "..\..\build\dist\Isthmus"
#endif

[Setup]
AppId={{50F05926-A4AB-4B64-9286-5DE9402EE503}
AppName=Isthmus
AppVersion={#AppVersion}
AppVerName=Isthmus {#AppVersion}
DefaultDirName={autopf}\Isthmus
DefaultGroupName=Isthmus
DisableProgramGroupPage=yes
LicenseFile=..\..\LICENSE
; For the present user alone unless an administrator asks for more.
PrivilegesRequired=lowest
PrivilegesRequiredOverridesAllowed=dialog
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
ChangesAssociations=yes
Compression=lzma2/fast
SolidCompression=yes
SetupIconFile=..\..\build\assets\isthmus.ico
UninstallDisplayIcon={app}\Isthmus.exe
OutputDir=..\..\build
OutputBaseFilename=Isthmus-{#AppVersion}-windows-setup
WizardStyle=modern
#ifdef Sign
SignTool=signtool
SignedUninstaller=yes
#endif

[Tasks]
Name: "desktopicon"; Description: "{cm:CreateDesktopIcon}"; Flags: unchecked

[Files]
Source: "{#Source}\*"; DestDir: "{app}"; Flags: recursesubdirs createallsubdirs ignoreversion

[Icons]
Name: "{autoprograms}\Isthmus"; Filename: "{app}\Isthmus.exe"
Name: "{autodesktop}\Isthmus"; Filename: "{app}\Isthmus.exe"; Tasks: desktopicon

[Registry]
; Studies are folders, and so are sets of images: both are opened from a folder's menu.
Root: HKA; Subkey: "Software\Classes\Directory\shell\Isthmus"; ValueType: string; ValueData: "Open with Isthmus"; Flags: uninsdeletekey
Root: HKA; Subkey: "Software\Classes\Directory\shell\Isthmus"; ValueType: string; ValueName: "Icon"; ValueData: """{app}\Isthmus.exe"""
Root: HKA; Subkey: "Software\Classes\Directory\shell\Isthmus\command"; ValueType: string; ValueData: """{app}\Isthmus.exe"" ""%1"""

[Run]
Filename: "{app}\Isthmus.exe"; Description: "{cm:LaunchProgram,Isthmus}"; Flags: nowait postinstall skipifsilent

[UninstallDelete]
; Settings, logs and caches; studies lie elsewhere and stay.
Type: filesandordirs; Name: "{localappdata}\isthmus"

[Code]
function InitializeSetup(): Boolean;
begin
  Result := True;
  if not FileExists(ExpandConstant('{sys}\vcruntime140_1.dll')) then
    MsgBox('Isthmus needs the Microsoft Visual C++ Redistributable (x64), which is not installed. '
      + 'Install it from Microsoft before you start Isthmus.', mbInformation, MB_OK);
end;
